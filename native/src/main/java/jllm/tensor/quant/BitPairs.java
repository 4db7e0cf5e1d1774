package jllm.tensor.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The 256 numbers of 2 bits of a block of Q2_K or Q3_K in 64 bytes: 32 bytes for each half, in
 * which bits 2k and 2k + 1 of byte i are element i of the half's quarter k.
 */
final class BitPairs {
  private static final int HALF = 128;
  private static final int QUARTER = 32;

  private BitPairs() {}

  static int get(MemorySegment source, long offset, int element) {
    int part = element / QUARTER;
    long place = offset + part / 4 * QUARTER + element % QUARTER;
    return Layouts.unsigned(source, place) >> part % 4 * 2 & 3;
  }

  /** Writes the lowest two bits of each of 256 numbers. */
  static void write(byte[] quants, int at, MemorySegment target, long offset) {
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < QUARTER; i++) {
        int first = at + half * HALF + i;
        int four =
            quants[first] & 3
                | (quants[first + QUARTER] & 3) << 2
                | (quants[first + 2 * QUARTER] & 3) << 4
                | (quants[first + 3 * QUARTER] & 3) << 6;
        target.set(ValueLayout.JAVA_BYTE, offset + half * QUARTER + i, (byte) four);
      }
    }
  }
}
