package jllm.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rounds float32 to one of the two BF16 numbers around it, to the upper one (in magnitude) with the
 * probability of the remainder: the mean of many roundings is the number itself, so that changes
 * smaller than half a step are not lost (Gupta et al. 2015, section 3.1). What BF16 holds exactly,
 * infinities and NaN stay what they are.
 *
 * <p>Which way a number goes is a function of the seed and its place alone, so that all backends
 * round alike and a step can be repeated. Places are counted in chunks of {@link #CHUNK} elements,
 * over all that is trained: each tensor begins with a chunk of its own. A chunk has a key, an
 * element the {@link Dropout#hash} of the key and its place in the chunk, whose upper 16 bits are
 * the random number.
 *
 * @param seed of one step
 */
public record StochasticRounding(long seed) {
  /** Elements that share a key. */
  public static final int CHUNK = 4096;

  private static final int QUIET = 0x400000;

  /** Chunks of a tensor of so many elements. */
  public static long chunks(long elements) {
    return Math.ceilDiv(elements, CHUNK);
  }

  /** The key of a chunk. */
  public int key(long chunk) {
    return Dropout.key(seed, chunk);
  }

  /** The BF16 bits of a number at a place of the chunk with a key. */
  public static short round(float value, int key, int place) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits | QUIET) >>> 16);
    }
    return (short) ((bits + (Dropout.hash(key, place) >>> 16)) >>> 16);
  }

  /**
   * Rounds the elements of a tensor from the beginning of a chunk on.
   *
   * @param chunk number of the first
   * @param bits BF16, as many as values
   */
  public void round(float[] values, long chunk, MemorySegment bits) {
    for (int i = 0; i < values.length; i++) {
      short rounded = round(values[i], key(chunk + i / CHUNK), i % CHUNK);
      bits.setAtIndex(ValueLayout.JAVA_SHORT, i, rounded);
    }
  }
}
