package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q4_1: 32 elements {@code d * q + m}, q in 0..15.
 *
 * <pre>
 * byte 0   F16   d, F16 m
 * byte 4   uint8 qs[16]: element i in the low nibble of qs[i], element i + 16 in the high one
 * </pre>
 */
final class Q41Codec implements BlockCodec, BlockEncoder {
  static final Q41Codec INSTANCE = new Q41Codec();

  private static final int LENGTH = 32;
  private static final int BYTES = 20;
  private static final int MINIMUM = 2;
  private static final int QUANTS = 4;
  private static final int LIMIT = 15;

  private Q41Codec() {}

  @Override
  public DType dtype() {
    return DType.Q4_1;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      float m = Layouts.half(source, offset + MINIMUM);
      for (int i = 0; i < LENGTH / 2; i++) {
        int pair = Layouts.unsigned(source, offset + QUANTS + i);
        target[at + done + i] = (pair & 0xf) * d + m;
        target[at + done + LENGTH / 2 + i] = (pair >> 4) * d + m;
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
    for (int i = 0; i < LENGTH / 2; i++) {
      int low = nibble((source[at + i] - min) * inverse);
      int high = nibble((source[at + LENGTH / 2 + i] - min) * inverse);
      target.set(ValueLayout.JAVA_BYTE, offset + QUANTS + i, (byte) (low | high << 4));
    }
  }

  private static int nibble(float value) {
    return Math.min(LIMIT, (int) (value + 0.5f));
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    float step = sigma / Layouts.uniformDeviation(LIMIT + 1);
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      Layouts.setHalf(target, offset, step * Layouts.jitter(random));
      Layouts.setHalf(target, offset + MINIMUM, -LIMIT / 2f * Layouts.half(target, offset));
      Layouts.randomBytes(target, offset + QUANTS, LENGTH / 2, random);
    }
  }
}
