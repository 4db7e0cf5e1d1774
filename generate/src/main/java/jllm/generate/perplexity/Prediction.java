package jllm.generate.perplexity;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a row of logits says, summed in double precision. */
final class Prediction {
  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT;

  private final MemorySegment logits;
  private final long first;
  private final int size;
  private final int top;
  private final double logSum;

  /**
   * @param logits rows of {@code size} float32 values
   */
  Prediction(MemorySegment logits, int row, int size) {
    this.logits = logits;
    this.first = (long) row * size;
    this.size = size;
    int best = 0;
    for (int i = 1; i < size; i++) {
      if (logit(i) > logit(best)) {
        best = i;
      }
    }
    double sum = 0;
    for (int i = 0; i < size; i++) {
      sum += Math.exp((double) logit(i) - logit(best));
    }
    top = best;
    logSum = logit(best) + Math.log(sum);
  }

  private float logit(int token) {
    return logits.getAtIndex(F32, first + token);
  }

  /** The most likely token, the first of equals. */
  int top() {
    return top;
  }

  /** The logarithm of a token's probability. */
  double logProbability(int token) {
    return logit(token) - logSum;
  }

  /** The sum over all tokens of p log(p / q), p this and q the other, in nats. */
  double divergence(Prediction other) {
    double sum = 0;
    for (int i = 0; i < size; i++) {
      double probability = Math.exp(logit(i) - logSum);
      if (probability > 0) {
        sum += probability * ((double) logit(i) - other.logit(i));
      }
    }
    // Rounding may leave less than nothing.
    double divergence = sum + other.logSum - logSum;
    return divergence < 0 ? 0 : divergence;
  }
}
