package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.random.RandomGenerator;

/** Little-endian access without alignment, shared by the codecs. */
final class Layouts {
  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Layouts() {}

  static float half(MemorySegment segment, long offset) {
    return Float.float16ToFloat(segment.get(SHORT, offset));
  }

  static void setHalf(MemorySegment segment, long offset, float value) {
    segment.set(SHORT, offset, Float.floatToFloat16(value));
  }

  static int unsigned(MemorySegment segment, long offset) {
    return Byte.toUnsignedInt(segment.get(ValueLayout.JAVA_BYTE, offset));
  }

  /** Random bytes, {@code count} a multiple of 8. */
  static void randomBytes(MemorySegment target, long offset, int count, RandomGenerator random) {
    for (int i = 0; i < count; i += 8) {
      target.set(LONG, offset + i, random.nextLong());
    }
  }

  /**
   * The factor that turns a uniformly distributed int16 into values of deviation {@code sigma}: one
   * random long is enough for four of them.
   */
  static float uniformStep(float sigma) {
    return sigma * (float) Math.sqrt(3) / 0x1p15f;
  }

  /** The standard deviation of a uniformly distributed integer in 0..{@code values - 1}. */
  static float uniformDeviation(int values) {
    return (float) Math.sqrt(((double) values * values - 1) / 12);
  }

  /**
   * A factor of random sign and of root mean square 1, for scales: with both signs, the values of
   * types whose integers are not centered have mean 0 over many blocks.
   */
  static float jitter(RandomGenerator random) {
    int bits = random.nextInt();
    // Magnitudes are uniform in [0.75, 1.25], whose mean square is 1 + 1/48.
    float magnitude = (0.75f + (bits & 0xffff) * (0.5f / 0xffff)) * (float) Math.sqrt(48 / 49.0);
    return bits < 0 ? -magnitude : magnitude;
  }
}
