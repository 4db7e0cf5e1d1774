package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q5_0: 32 elements {@code d * (q - 16)}, q in 0..31.
 *
 * <pre>
 * byte 0   F16   d
 * byte 2   32 numbers of 5 bits, see {@link FiveBits}
 * </pre>
 */
final class Q50Codec implements BlockCodec, BlockEncoder {
  static final Q50Codec INSTANCE = new Q50Codec();

  private static final int LENGTH = 32;
  private static final int BYTES = 22;
  private static final int QUANTS = 2;
  private static final int CENTER = 16;

  /** The root mean square of a uniformly distributed integer in -16..15. */
  private static final float RANDOM_DEVIATION = (float) Math.sqrt((1024 - 1) / 12.0 + 0.25);

  private Q50Codec() {}

  @Override
  public DType dtype() {
    return DType.Q5_0;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      for (int i = 0; i < LENGTH; i++) {
        target[at + done + i] = (FiveBits.get(source, offset + QUANTS, i) - CENTER) * d;
      }
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      encodeBlock(source, at + done, target, offset);
    }
  }

  /** The value of largest magnitude becomes exactly q = 0: -16 reaches further than 15. */
  private static void encodeBlock(float[] source, int at, MemorySegment target, long offset) {
    float d = Rounding.largest(source, at, LENGTH) / -CENTER;
    float inverse = Rounding.inverse(d);
    Layouts.setHalf(target, offset, d);
    int high = 0;
    for (int i = 0; i < LENGTH / 2; i++) {
      int first = quant(source[at + i] * inverse);
      int second = quant(source[at + LENGTH / 2 + i] * inverse);
      FiveBits.setLow(target, offset + QUANTS, i, first, second);
      high |= FiveBits.high(i, first, second);
    }
    FiveBits.setHigh(target, offset + QUANTS, high);
  }

  private static int quant(float value) {
    return Math.min(31, (int) (value + 16.5f));
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      Layouts.setHalf(target, offset, sigma / RANDOM_DEVIATION * Layouts.jitter(random));
      FiveBits.randomize(target, offset + QUANTS, random);
    }
  }
}
