package jllm.tensor.cpu;

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
 * Q5_K: blocks of 256 columns. Lines 0 to 3 as in {@link PackedQ4K}; bit g of byte b of line 4 + i
 * is the fifth bit of column 4i + b of group g; then the nibbles as in {@link PackedQ4K}.
 */
final class PackedQ5K extends PackedGroups {
  static final PackedQ5K INSTANCE = new PackedQ5K();

  private PackedQ5K() {
    super(DType.Q5_K, 0, -1);
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    // The first two columns of each group keep its scale and minimum until they are overwritten.
    PackedQ4K.scales(weight, line, panel, at, 32 * step, step);
    for (int group = 0; group < 8; group++, at += 32 * step) {
      long nibbles = line + (12 + group / 2 * 8) * LINE;
      group(weight, line + 4 * LINE, nibbles, group, panel, at, step);
    }
  }

  private static void group(
      MemorySegment weight,
      long high,
      long line,
      int group,
      MemorySegment panel,
      long at,
      long step) {
    FloatVector scale = FloatVector.fromMemorySegment(FLOAT, panel, at, ORDER);
    FloatVector min = FloatVector.fromMemorySegment(FLOAT, panel, at + step, ORDER);
    int nibble = group % 2 * 4;
    for (int i = 0; i < 8; i++, line += LINE, high += LINE) {
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      // The fifth bit comes to place 4 of each byte.
      IntVector fifth =
          IntVector.fromMemorySegment(Lanes.INT, weight, high, ORDER)
              .lanewise(LSHR, group)
              .and(0x01010101)
              .lanewise(LSHL, 4);
      IntVector both = word.lanewise(LSHR, nibble).and(0x0f0f0f0f).or(fifth);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        IntVector value = both.lanewise(LSHR, shift).and(31);
        ((FloatVector) value.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .sub(min)
            .intoMemorySegment(panel, at, ORDER);
      }
    }
  }
}
