package jllm.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How the next token is chosen from a row of logits: top-k, top-p, min-p, temperature, draw, in
 * this order. What they keep is said in {@link FusedOperations#sample}.
 *
 * @param uniform what is drawn with, from 0 to less than 1
 * @param temperature 0 = the largest logit, whatever the others say
 * @param topK 0 = off
 * @param topP 1 = off
 * @param minP 0 = off
 */
public record TokenChoice(double uniform, double temperature, int topK, double topP, double minP) {
  /** The largest logit. */
  public static final TokenChoice BEST = new TokenChoice(0, 0, 0, 1, 0);

  /** What a choice takes of an I32 tensor, at a multiple of 8 bytes. */
  public static final int INTS = 10;

  private static final int TEMPERATURE = 1;
  private static final int TOP_P = 2;
  private static final int MIN_P = 6;
  private static final int TOP_K = 7;
  private static final int BIAS = 8;

  /**
   * Writes it for a device.
   *
   * @param at INTS numbers
   * @param columns of the logits
   * @param bias the row of the biases that are added to the logits, -1 = none
   */
  public void write(MemorySegment at, int columns, int bias) {
    at.setAtIndex(ValueLayout.JAVA_DOUBLE, 0, uniform);
    at.setAtIndex(ValueLayout.JAVA_DOUBLE, TEMPERATURE, temperature);
    at.setAtIndex(ValueLayout.JAVA_DOUBLE, TOP_P, topP);
    at.setAtIndex(ValueLayout.JAVA_FLOAT, MIN_P, (float) Math.log(minP));
    at.setAtIndex(ValueLayout.JAVA_INT, TOP_K, topK < columns ? topK : 0);
    at.setAtIndex(ValueLayout.JAVA_INT, BIAS, bias);
  }
}
