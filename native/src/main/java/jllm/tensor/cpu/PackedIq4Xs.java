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
 * IQ4_XS: blocks of 256 columns. Line 0 holds the scale of the block (F16) in its lower half and
 * the high bit pairs of the 8 groups' scales in its upper one, line 1 their low nibbles; then 4
 * lines of 8 columns for each group, as in {@link PackedQ40}.
 */
final class PackedIq4Xs extends PackedGroups {
  static final PackedIq4Xs INSTANCE = new PackedIq4Xs();

  private PackedIq4Xs() {
    super(DType.IQ4_XS, 0, -1);
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    for (int group = 0; group < 8; group++, at += 32 * step) {
      group(weight, line, group, panel, at, step);
    }
  }

  private static void group(
      MemorySegment weight, long line, int group, MemorySegment panel, long at, long step) {
    IntVector first = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
    IntVector low4 = IntVector.fromMemorySegment(Lanes.INT, weight, line + LINE, ORDER);
    IntVector integer =
        low4.lanewise(LSHR, 4 * group)
            .and(15)
            .or(first.lanewise(LSHR, 16 + 2 * group).and(3).lanewise(LSHL, 4))
            .sub(32);
    FloatVector scale =
        first
            .lanewise(LSHL, 16)
            .lanewise(ASHR, 3)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS)
            .mul((FloatVector) integer.convertShape(I2F, FLOAT, 0));
    line += (2 + 4 * group) * LINE;
    for (int i = 0; i < 4; i++, line += LINE) {
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        IntVector low = Iq4Values.of(word.lanewise(LSHR, shift).and(15));
        ((FloatVector) low.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at, ORDER);
        IntVector high = Iq4Values.of(word.lanewise(LSHR, shift + 4).and(15));
        ((FloatVector) high.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at + 16 * step, ORDER);
      }
    }
  }
}
