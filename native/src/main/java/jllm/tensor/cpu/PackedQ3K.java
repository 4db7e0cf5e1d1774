package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.HALF;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jllm.tensor.DType;

/**
 * Q3_K: blocks of 256 columns in 16 groups. Bit k of byte b of line i, i in 0..7, is the third bit
 * of column 32k + 4i + b; lines 8 to 23 hold the low bit pairs as in {@link PackedQ2K}, lines 24 to
 * 26 the scales of the groups as the file packs them into 12 bytes; then 16 scales (F16).
 */
final class PackedQ3K extends PackedGroups {
  static final PackedQ3K INSTANCE = new PackedQ3K();

  /** What is taken from the numbers of 3 bits. */
  static final int CENTER = 4;

  /** Bytes before the bit pairs of a block. */
  static final long QUANTS = 8 * LINE;

  /** Bytes before the scales d. */
  static final long SCALES = 27 * LINE;

  private PackedQ3K() {
    super(DType.Q3_K, 0, 108);
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    // The first column of each group keeps its scale until it is overwritten.
    scales(weight, line, half, panel, at, 16 * step);
    for (int group = 0; group < 16; group++, at += 16 * step) {
      group(weight, line, group, panel, at, step);
    }
  }

  private static void group(
      MemorySegment weight, long line, int group, MemorySegment panel, long at, long step) {
    FloatVector scale = FloatVector.fromMemorySegment(FLOAT, panel, at, ORDER);
    // Two groups to a quarter, four lines to a group.
    int quarter = group / 2 % 4;
    long thirds = line + group % 2 * 4 * LINE;
    line += QUANTS + (group / 8 * 8 + group % 2 * 4) * LINE;
    for (int i = 0; i < 4; i++, line += LINE, thirds += LINE) {
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      IntVector third =
          IntVector.fromMemorySegment(Lanes.INT, weight, thirds, ORDER)
              .lanewise(LSHR, group / 2)
              .and(0x01010101)
              .lanewise(LSHL, 2);
      IntVector both = word.lanewise(LSHR, 2 * quarter).and(0x03030303).or(third);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        IntVector value = both.lanewise(LSHR, shift).and(7).sub(CENTER);
        ((FloatVector) value.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at, ORDER);
      }
    }
  }

  /**
   * Writes {@code d * (scale - 32)} of group g to {@code at + g * step}, a vector each.
   *
   * @param line byte of a block, plus that of the vector in a line
   * @param half byte of the vector's scales d
   */
  static void scales(
      MemorySegment weight, long line, long half, MemorySegment target, long at, long step) {
    FloatVector d =
        ((IntVector)
                ShortVector.fromMemorySegment(HALF, weight, half, ORDER)
                    .convertShape(S2I, Lanes.INT, 0))
            .lanewise(LSHL, 13)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
    for (int quad = 0; quad < 4; quad++) {
      // Groups 4 * quad to 4 * quad + 3.
      IntVector lows =
          IntVector.fromMemorySegment(Lanes.INT, weight, line + (24 + quad % 2) * LINE, ORDER)
              .lanewise(LSHR, quad / 2 * 4);
      IntVector highs =
          IntVector.fromMemorySegment(Lanes.INT, weight, line + 26 * LINE, ORDER)
              .lanewise(LSHR, quad * 2);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        IntVector low = lows.lanewise(LSHR, shift).and(15);
        IntVector high = highs.lanewise(LSHR, shift).and(3).lanewise(LSHL, 4);
        ((FloatVector) low.or(high).sub(32).convertShape(I2F, FLOAT, 0))
            .mul(d)
            .intoMemorySegment(target, at, ORDER);
      }
    }
  }
}
