package jllm.train.sample;

/** What becomes of samples that are longer than a sequence may be. */
public enum LongSamples {
  /** They lose their ends. */
  TRUNCATE,
  /** They are left out. */
  DROP,
  /** There must be none. */
  ERROR
}
