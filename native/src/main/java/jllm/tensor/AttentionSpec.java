package jllm.tensor;

/**
 * The fixed part of an attention operation.
 *
 * @param heads query heads H
 * @param kvHeads key and value heads K; H is a multiple of it (Ainslie et al. 2023, grouped-query
 *     attention)
 * @param headDim components of a head D
 * @param scale factor on the dot products, usually {@code 1/sqrt(D)}
 * @param softCap scores become {@code cap * tanh(score / cap)} (Gemma 2); 0 = off
 * @param window a query sees at most this many positions, its own included (Mistral 7B); 0 = all
 *     before it; only with causal attention
 * @param causal whether a query sees only positions up to its own
 */
public record AttentionSpec(
    int heads, int kvHeads, int headDim, float scale, float softCap, int window, boolean causal) {
  public AttentionSpec {
    if (heads <= 0 || kvHeads <= 0 || headDim <= 0 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          heads
              + " query heads over "
              + kvHeads
              + " key heads of width "
              + headDim
              + ": the first must be a multiple of the second");
    }
    if (window < 0 || softCap < 0 || (window > 0 && !causal)) {
      throw new IllegalArgumentException(
          "window "
              + window
              + ", soft cap "
              + softCap
              + ", causal "
              + causal
              + ": a window and a cap are 0 or positive, and a window needs causal attention");
    }
  }

  /** Query heads that share a key head. */
  public int groupSize() {
    return heads / kvHeads;
  }
}
