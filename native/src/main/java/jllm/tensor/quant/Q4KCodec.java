package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;
import jllm.tensor.DType;

/**
 * Q4_K: 256 elements in 8 groups of 32; element = {@code d * scale[g] * q - dmin * min[g]}, q in
 * 0..15, scale and min in 0..63.
 *
 * <pre>
 * byte 0    F16   d, F16 dmin
 * byte 4    uint8 s[12]: groups 0-3: scale in the low 6 bits of s[g], min in those of s[g + 4];
 *                 groups 4-7: low 4 bits of the scale in the low nibble of s[g + 4], its high 2 bits
 *                 on top of s[g - 4]; low 4 bits of the min in the high nibble of s[g + 4], its high
 *                 2 bits on top of s[g]
 * byte 16   uint8 qs[128]: 32 bytes for two groups, the even one in the low nibbles
 * </pre>
 */
final class Q4KCodec implements BlockCodec {
  static final Q4KCodec INSTANCE = new Q4KCodec();

  private static final int LENGTH = 256;
  private static final int GROUP = 32;
  private static final int BYTES = 144;
  private static final int SCALES = 4;
  private static final int QUANTS = 16;

  /** The mean of a uniformly distributed nibble: what random minima take away. */
  private static final float CENTER = 7.5f;

  /** The standard deviation of a nibble times the root mean square of a scale in 32..63. */
  private static final float RANDOM_DEVIATION =
      (float) (Math.sqrt((256 - 1) / 12.0) * Math.sqrt(47.5 * 47.5 + (1024 - 1) / 12.0));

  private Q4KCodec() {}

  @Override
  public DType dtype() {
    return DType.Q4_K;
  }

  @Override
  public void decode(MemorySegment source, long offset, float[] target, int at, int count) {
    for (int done = 0; done < count; done += LENGTH, offset += BYTES) {
      float d = Layouts.half(source, offset);
      float dmin = Layouts.half(source, offset + 2);
      for (int group = 0; group < LENGTH / GROUP; group++) {
        float scale = d * scale(source, offset + SCALES, group);
        float min = dmin * min(source, offset + SCALES, group);
        long quants = offset + QUANTS + group / 2 * GROUP;
        int shift = group % 2 * 4;
        int to = at + done + group * GROUP;
        for (int i = 0; i < GROUP; i++) {
          target[to + i] = scale * (Layouts.unsigned(source, quants + i) >> shift & 0xf) - min;
        }
      }
    }
  }

  private static int scale(MemorySegment source, long scales, int group) {
    return group < 4
        ? Layouts.unsigned(source, scales + group) & 0x3f
        : Layouts.unsigned(source, scales + group + 4) & 0xf
            | Layouts.unsigned(source, scales + group - 4) >> 6 << 4;
  }

  private static int min(MemorySegment source, long scales, int group) {
    return group < 4
        ? Layouts.unsigned(source, scales + group + 4) & 0x3f
        : Layouts.unsigned(source, scales + group + 4) >> 4
            | Layouts.unsigned(source, scales + group) >> 6 << 4;
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
    float d = sigma / RANDOM_DEVIATION * Layouts.jitter(random);
    Layouts.setHalf(target, offset, d);
    Layouts.setHalf(target, offset + 2, CENTER * Layouts.half(target, offset));
    // Scale and min of a group are the same number, in 32..63, so that every group is centered.
    long bits = random.nextLong();
    for (int group = 0; group < 4; group++, bits >>>= 10) {
      int first = 32 | (int) bits & 31;
      int second = 32 | (int) bits >>> 5 & 31;
      byte low = (byte) (first | second >> 4 << 6);
      target.set(ValueLayout.JAVA_BYTE, offset + SCALES + group, low);
      target.set(ValueLayout.JAVA_BYTE, offset + SCALES + group + 4, low);
      byte high = (byte) (second & 0xf | (second & 0xf) << 4);
      target.set(ValueLayout.JAVA_BYTE, offset + SCALES + group + 8, high);
    }
    Layouts.randomBytes(target, offset + QUANTS, LENGTH / 2, random);
  }
}
