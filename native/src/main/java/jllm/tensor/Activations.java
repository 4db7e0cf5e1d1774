package jllm.tensor;

/** What a training step keeps for its backward pass. */
public enum Activations {
  /** Every result. */
  STORED,
  /**
   * The input of each {@link Exec#block}, whose operations are done again when their derivatives
   * are wanted (Chen et al. 2016): memory for time.
   */
  RECOMPUTED
}
