package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.random.RandomGenerator;

/**
 * The 32 numbers of 5 bits of a block of Q5_0 or Q5_1.
 *
 * <pre>
 * byte 0   uint32 high: bit i is the highest bit of number i
 * byte 4   uint8  low[16]: number i in the low nibble of low[i], number i + 16 in the high one
 * </pre>
 */
final class FiveBits {
  private static final int LOW = 4;
  private static final int HALF = 16;

  private FiveBits() {}

  static int get(MemorySegment source, long offset, int i) {
    int low = Layouts.unsigned(source, offset + LOW + i % HALF) >> i / HALF * 4 & 0xf;
    return low | (source.get(Layouts.INT, offset) >>> i & 1) << 4;
  }

  /** Writes the low bits of numbers i and i + 16, i in 0..15. */
  static void setLow(MemorySegment target, long offset, int i, int first, int second) {
    byte low = (byte) (first & 0xf | (second & 0xf) << 4);
    target.set(ValueLayout.JAVA_BYTE, offset + LOW + i, low);
  }

  /** The highest bits of numbers i and i + 16, at their places in the word of all. */
  static int high(int i, int first, int second) {
    return first >> 4 << i | second >> 4 << i + HALF;
  }

  static void setHigh(MemorySegment target, long offset, int high) {
    target.set(Layouts.INT, offset, high);
  }

  static void randomize(MemorySegment target, long offset, RandomGenerator random) {
    target.set(Layouts.INT, offset, random.nextInt());
    Layouts.randomBytes(target, offset + LOW, HALF, random);
  }
}
