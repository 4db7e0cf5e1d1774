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

  private PackedQ2K() {
    super(DType.Q2_K, 0, -1);
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    for (int group = 0; group < 16; group++, at += 16 * step) {
      group(weight, line, group, panel, at, step);
    }
  }

  private static void group(
      MemorySegment weight, long line, int group, MemorySegment panel, long at, long step) {
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
    IntVector pair =
        IntVector.fromMemorySegment(Lanes.INT, weight, line + group / 4 * LINE, ORDER)
            .lanewise(LSHR, group % 4 * 8);
    FloatVector scale = d.mul((FloatVector) pair.and(15).convertShape(I2F, FLOAT, 0));
    FloatVector min =
        dmin.mul((FloatVector) pair.lanewise(LSHR, 4).and(15).convertShape(I2F, FLOAT, 0));
    // Two groups to a quarter, four lines to a group.
    int quarter = group / 2 % 4;
    line += (4 + group / 8 * 8 + group % 2 * 4) * LINE;
    for (int i = 0; i < 4; i++, line += LINE) {
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 2 * quarter; shift < 32; shift += 8, at += step) {
        ((FloatVector) word.lanewise(LSHR, shift).and(3).convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .sub(min)
            .intoMemorySegment(panel, at, ORDER);
      }
    }
  }
}
