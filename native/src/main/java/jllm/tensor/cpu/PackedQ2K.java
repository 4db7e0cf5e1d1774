package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jllm.tensor.DType;

/**
 * Q2_K: blocks of 256 columns in 16 groups. Byte g % 4 of line g / 4 holds scale and minimum of
 * group g; 8 lines for each half of 128 columns: bits 2k and 2k + 1 of byte b of line i are column
 * 4i + b of its quarter k; line 20 holds d and dmin (F16).
 */
final class PackedQ2K extends PackedGroups {
  static final PackedQ2K INSTANCE = new PackedQ2K();

  /** Bytes before the bit pairs of a block. */
  static final long QUANTS = 4 * LINE;

  private PackedQ2K() {
    super(DType.Q2_K, 0, -1);
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    // The first two columns of each group keep its scale and minimum until they are overwritten.
    scales(weight, line, panel, at, 16 * step, step);
    for (int group = 0; group < 16; group++, at += 16 * step) {
      // Two groups to a quarter, four lines to a group.
      long lines = line + QUANTS + (group / 8 * 8 + group % 2 * 4) * LINE;
      group(weight, lines, 2 * (group / 2 % 4), panel, at, step);
    }
  }

  private static void group(
      MemorySegment weight, long line, int pair, MemorySegment panel, long at, long step) {
    FloatVector scale = FloatVector.fromMemorySegment(FLOAT, panel, at, ORDER);
    FloatVector min = FloatVector.fromMemorySegment(FLOAT, panel, at + step, ORDER);
    for (int i = 0; i < 4; i++, line += LINE) {
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = pair; shift < 32; shift += 8, at += step) {
        ((FloatVector) word.lanewise(LSHR, shift).and(3).convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .sub(min)
            .intoMemorySegment(panel, at, ORDER);
      }
    }
  }

  /**
   * Writes {@code d * scale} of group g to {@code at + g * step} and {@code dmin * min} to {@code
   * minAt} bytes behind it, a vector each.
   *
   * @param line byte of a block, plus that of the vector in a line
   */
  static void scales(
      MemorySegment weight, long line, MemorySegment target, long at, long step, long minAt) {
    IntVector halves = IntVector.fromMemorySegment(Lanes.INT, weight, line + 20 * LINE, ORDER);
    FloatVector d =
        halves
            .lanewise(LSHL, 16)
            .lanewise(ASHR, 3)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
    FloatVector dmin =
        halves.lanewise(ASHR, 3).and(PackedF16.MASK).reinterpretAsFloats().mul(PackedF16.REBIAS);
    for (int i = 0; i < 4; i++, line += LINE) {
      IntVector four = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        IntVector scale = four.lanewise(LSHR, shift).and(15);
        ((FloatVector) scale.convertShape(I2F, FLOAT, 0))
            .mul(d)
            .intoMemorySegment(target, at, ORDER);
        IntVector min = four.lanewise(LSHR, shift + 4).and(15);
        ((FloatVector) min.convertShape(I2F, FLOAT, 0))
            .mul(dmin)
            .intoMemorySegment(target, at + minAt, ORDER);
      }
    }
  }
}
