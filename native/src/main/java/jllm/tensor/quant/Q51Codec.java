package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q5_1: 32 elements {@code d * q + m}, q in 0..31.
 *
 * <pre>
 * byte 0   F16   d, F16 m
 * byte 4   32 numbers of 5 bits, see {@link FiveBits}
 * </pre>
 */
final class Q51Codec implements BlockCodec, BlockEncoder {
  static final Q51Codec INSTANCE = new Q51Codec();

  private static final int LENGTH = 32;
  private static final int BYTES = 24;
  private static final int MINIMUM = 2;
  private static final int QUANTS = 4;
  private static final int LIMIT = 31;

  private Q51Codec() {}

  @Override
  public DType dtype() {
    return DType.Q5_1;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      float m = Layouts.half(source, offset + MINIMUM);
      for (int i = 0; i < LENGTH; i++) {
        target[at + done + i] = FiveBits.get(source, offset + QUANTS, i) * d + m;
      }
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      encodeBlock(source, at + done, target, offset);
    }
  }

  private static void encodeBlock(float[] source, int at, MemorySegment target, long offset) {
    float min = Rounding.min(source, at, LENGTH);
    float d = (Rounding.max(source, at, LENGTH) - min) / LIMIT;
    float inverse = Rounding.inverse(d);
    Layouts.setHalf(target, offset, d);
    Layouts.setHalf(target, offset + MINIMUM, min);
    int high = 0;
    for (int i = 0; i < LENGTH / 2; i++) {
      int first = (int) ((source[at + i] - min) * inverse + 0.5f);
      int second = (int) ((source[at + LENGTH / 2 + i] - min) * inverse + 0.5f);
      FiveBits.setLow(target, offset + QUANTS, i, first, second);
      high |= FiveBits.high(i, first, second);
    }
    FiveBits.setHigh(target, offset + QUANTS, high);
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    float step = sigma / Layouts.uniformDeviation(LIMIT + 1);
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      Layouts.setHalf(target, offset, step * Layouts.jitter(random));
      Layouts.setHalf(target, offset + MINIMUM, -LIMIT / 2f * Layouts.half(target, offset));
      FiveBits.randomize(target, offset + QUANTS, random);
    }
  }
}
