package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q4_0: 32 elements {@code d * (q - 8)}, q in 0..15.
 *
 * <pre>
 * byte 0   F16   d
 * byte 2   uint8 qs[16]: element i in the low nibble of qs[i], element i + 16 in the high one
 * </pre>
 */
final class Q40Codec implements BlockCodec, BlockEncoder {
  static final Q40Codec INSTANCE = new Q40Codec();

  private static final int LENGTH = 32;
  private static final int BYTES = 18;
  private static final int QUANTS = 2;

  /** The root mean square of a uniformly distributed integer in -8..7. */
  private static final float RANDOM_DEVIATION = (float) Math.sqrt((256 - 1) / 12.0 + 0.25);

  private Q40Codec() {}

  @Override
  public DType dtype() {
    return DType.Q4_0;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      for (int i = 0; i < LENGTH / 2; i++) {
        int pair = Layouts.unsigned(source, offset + QUANTS + i);
        target[at + done + i] = ((pair & 0xf) - 8) * d;
        target[at + done + LENGTH / 2 + i] = ((pair >> 4) - 8) * d;
      }
    }
  }

  @Override
  public void encode(float[] source, int at, int count, MemorySegment target, long offset) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      encodeBlock(source, at + done, target, offset);
    }
  }

  /** The value of largest magnitude becomes exactly q = 0: -8 reaches further than 7. */
  private static void encodeBlock(float[] source, int at, MemorySegment target, long offset) {
    float d = Rounding.largest(source, at, LENGTH) / -8;
    float inverse = Rounding.inverse(d);
    Layouts.setHalf(target, offset, d);
    for (int i = 0; i < LENGTH / 2; i++) {
      int low = nibble(source[at + i] * inverse);
      int high = nibble(source[at + LENGTH / 2 + i] * inverse);
      target.set(ValueLayout.JAVA_BYTE, offset + QUANTS + i, (byte) (low | high << 4));
    }
  }

  private static int nibble(float value) {
    return Math.min(15, (int) (value + 8.5f));
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
    Layouts.randomBytes(target, offset + QUANTS, LENGTH / 2, random);
  }
}
