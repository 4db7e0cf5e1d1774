package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q8_0: 32 elements {@code d * q}.
 *
 * <pre>
 * byte 0   F16  d
 * byte 2   int8 q[32]
 * </pre>
 */
final class Q80Codec implements BlockCodec, BlockEncoder {
  static final Q80Codec INSTANCE = new Q80Codec();

  private static final int LENGTH = 32;
  private static final int BYTES = 34;
  private static final int QUANTS = 2;

  /** The root mean square of a uniformly distributed int8. */
  private static final float RANDOM_DEVIATION = (float) Math.sqrt((65536 - 1) / 12.0 + 0.25);

  private Q80Codec() {}

  @Override
  public DType dtype() {
    return DType.Q8_0;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      for (int i = 0; i < LENGTH; i++) {
        target[at + done + i] = source.get(ValueLayout.JAVA_BYTE, offset + QUANTS + i) * d;
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
    float largest = 0;
    for (int i = 0; i < LENGTH; i++) {
      largest = Math.max(largest, Math.abs(source[at + i]));
    }
    float d = largest / 127;
    float inverse = Rounding.inverse(d);
    Layouts.setHalf(target, offset, d);
    for (int i = 0; i < LENGTH; i++) {
      byte q = (byte) Rounding.halfAwayFromZero(source[at + i] * inverse);
      target.set(ValueLayout.JAVA_BYTE, offset + QUANTS + i, q);
    }
  }

  @Override
  public void randomize(
      MemorySegment target, long offset, int count, RandomGenerator random, float sigma) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      randomizeBlock(target, offset, random, sigma);
    }
  }

  private static void randomizeBlock(
      MemorySegment target, long offset, RandomGenerator random, float sigma) {
    Layouts.setHalf(target, offset, sigma / RANDOM_DEVIATION * Layouts.jitter(random));
    Layouts.randomBytes(target, offset + QUANTS, LENGTH, random);
  }
}
