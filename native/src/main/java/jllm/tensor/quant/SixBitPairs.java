package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;

/**
 * The 8 pairs of a scale and a minimum of 6 bits that Q4_K and Q5_K pack into 12 bytes.
 *
 * <pre>
 * groups 0-3   scale in the low 6 bits of byte g, min in those of byte g + 4
 * groups 4-7   low 4 bits of the scale in the low nibble of byte g + 4, its high 2 bits on top of
 *              byte g - 4; low 4 bits of the min in the high nibble of byte g + 4, its high 2 bits
 *              on top of byte g
 * </pre>
 */
final class SixBitPairs {
  /** The root mean square of the random scales: integers in 32..63. */
  static final double RANDOM_DEVIATION = Math.sqrt(47.5 * 47.5 + (1024 - 1) / 12.0);

  private SixBitPairs() {}

  static int scale(MemorySegment source, long offset, int group) {
    return group < 4
        ? Layouts.unsigned(source, offset + group) & 0x3f
        : Layouts.unsigned(source, offset + group + 4) & 0xf
            | Layouts.unsigned(source, offset + group - 4) >> 6 << 4;
  }

  static int min(MemorySegment source, long offset, int group) {
    return group < 4
        ? Layouts.unsigned(source, offset + group + 4) & 0x3f
        : Layouts.unsigned(source, offset + group + 4) >> 4
            | Layouts.unsigned(source, offset + group) >> 6 << 4;
  }

  static void write(int[] scales, int[] minima, MemorySegment target, long offset) {
    for (int g = 0; g < 4; g++) {
      set(target, offset + g, scales[g] | scales[g + 4] >> 4 << 6);
      set(target, offset + g + 4, minima[g] | minima[g + 4] >> 4 << 6);
      set(target, offset + g + 8, scales[g + 4] & 0xf | (minima[g + 4] & 0xf) << 4);
    }
  }

  /** Scale and min of a group are the same number, so that every group can be centered. */
  static void randomize(MemorySegment target, long offset, RandomGenerator random) {
    long bits = random.nextLong();
    int[] both = new int[8];
    for (int g = 0; g < 8; g++, bits >>>= 5) {
      both[g] = 32 | (int) bits & 31;
    }
    write(both, both, target, offset);
  }

  private static void set(MemorySegment target, long offset, int value) {
    target.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
  }
}
