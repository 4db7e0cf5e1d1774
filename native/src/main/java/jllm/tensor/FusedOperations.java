package jllm.tensor;

import org.jspecify.annotations.Nullable;

/**
 * Operations of {@link Backend} that a backend may do together, mostly in steps of few rows, where
 * it is their number that takes time. Most methods say whether they did so; if not, nothing has
 * happened, and the parts are to be done one by one. The results are those of the parts.
 *
 * <p>Where a row of a cache is given twice, {@code at} (I32, one number, in the memory of the
 * backend) goes before the number if it is there: steps that are recorded read it when they are
 * done again.
 */
public interface FusedOperations {
  /**
   * Linear layers of the same input; see {@link Backend#linear}.
   *
   * @param outs the result of each
   */
  default boolean linears(Tensor[] outs, Tensor x, Tensor[] ws, @Nullable Tensor[] biases) {
    return false;
  }

  /** {@code out += x w^T + bias}. */
  default boolean addLinear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    return false;
  }

  /**
   * {@code out = activation(x gate^T + gateBias) * (x up^T + upBias)}; see {@link Backend#gated}.
   */
  default boolean gatedLinear(
      Tensor out,
      Tensor x,
      Tensor gate,
      @Nullable Tensor gateBias,
      Tensor up,
      @Nullable Tensor upBias,
      Activation activation) {
    return false;
  }

  /**
   * {@code out = activation(x w^T + bias)}, in training too.
   *
   * @param out in the type of {@link Backend#operandType}, where that is not the activation type
   * @param before takes the argument of the activation, rounded as out is; absent if nobody needs
   *     it
   */
  default boolean activatedLinear(
      Tensor out,
      Tensor x,
      Tensor w,
      @Nullable Tensor bias,
      Activation activation,
      @Nullable Tensor before) {
    return false;
  }

  /**
   * Turns queries and keys as {@link Backend#rope} does, and writes keys and values into a cache as
   * {@link Backend#copyRows} does.
   *
   * @param out the turned queries, not q itself
   * @param rotations absent = queries and keys stay as they are
   * @param row the first row of the cache that is written
   */
  default boolean store(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor keys,
      Tensor values,
      @Nullable Tensor rotations,
      int headDim,
      RopePairing pairing,
      int row,
      @Nullable Tensor at) {
    return false;
  }

  /**
   * {@link Backend#attention} of one sequence.
   *
   * @param past positions of the cache before the step
   */
  default boolean attention(
      Tensor out,
      Tensor q,
      Tensor keys,
      Tensor values,
      AttentionSpec spec,
      int past,
      @Nullable Tensor at) {
    return false;
  }

  /**
   * As {@link #store}, of one position of each of several sequences with caches of their own.
   *
   * @param keys of one of them: all have its type and shape
   * @param caches the addresses of keys and of values of each, two numbers of 64 bits: I32 [4 N]
   * @param at I32 [N]: the row of each
   */
  default boolean storeEach(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor keys,
      Tensor values,
      Tensor caches,
      @Nullable Tensor rotations,
      int headDim,
      RopePairing pairing,
      Tensor at) {
    return false;
  }

  /** As {@link #attention}, of what {@link #storeEach} stored. */
  default boolean attentionEach(
      Tensor out,
      Tensor q,
      Tensor keys,
      Tensor values,
      Tensor caches,
      AttentionSpec spec,
      Tensor at) {
    return false;
  }

  /** Whether {@link #sample} works on rows of so many logits. */
  default boolean samples(int columns) {
    return false;
  }

  /**
   * Chooses a token for each row of logits x [N, V], if it {@link #samples}. Biases are added
   * first. Of two tokens the better one has the larger logit or, at equal logits, the smaller id.
   * Top-k keeps so many of the best; top-p the fewest of the best whose probabilities sum to at
   * least its share of what there is (Holtzman et al. 2020); min-p those at least so many times as
   * probable as the best (Nguyen et al. 2024). One of these is drawn with the softmax of the logits
   * divided by the temperature: the first with which the sum of the weights passes {@code uniform}
   * times their total, the best first, or without top-k and top-p the smallest id first.
   *
   * @param out I32 [N, 1]: -1 if a logit is not a number, or the largest is infinite
   * @param next I32 [N]: takes the tokens too, but for -1; absent = nothing does
   * @param choices I32 [N * {@link TokenChoice#INTS}], in the memory of the backend
   * @param biases [B, V], absent if no choice names one
   * @param greedy whether all choices are of temperature 0
   */
  default void sample(
      Tensor out,
      @Nullable Tensor next,
      Tensor x,
      Tensor choices,
      @Nullable Tensor biases,
      boolean greedy) {
    throw new UnsupportedOperationException("sample");
  }

  /** What brings the tokens that {@link #sample} chose to the host. */
  default TokenReader tokenReader() {
    throw new UnsupportedOperationException("tokenReader");
  }
}
