package jllm.tensor;

/** What a model does with a weight, so that a backend can choose the order of its elements. */
public enum WeightUse {
  /** Right operand of {@link Backend#linear}: [O, I]. */
  LINEAR,
  /** Table of {@link Backend#embedding}: [V, C]. */
  EMBEDDING,
  /** Both at once: a model whose output layer is tied to its token embedding. */
  TIED_EMBEDDING,
  /** Right operand of {@link Backend#expertLinear}: [E, O, I]. */
  EXPERTS,
  /**
   * A norm's weight, a bias or any other vector, used element by element: converted to the
   * activation type.
   */
  VECTOR
}
