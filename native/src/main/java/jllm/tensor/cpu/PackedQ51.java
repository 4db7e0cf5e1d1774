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
 * Q5_1: blocks of 32 columns. Line 0 holds scale and minimum (F16), line 1 the {@link FifthBits},
 * line 2 + i columns 4i..4i+3 in the lower nibbles of its bytes, 16 + 4i..16 + 4i+3 in the upper
 * ones.
 */
final class PackedQ51 extends PackedGroups {
  static final PackedQ51 INSTANCE = new PackedQ51();

  private PackedQ51() {
    super(DType.Q5_1, 0, -1, 1);
  }

  /** {@link MatVecPairs.Scales}. */
  static void scales(
      MemorySegment weight, long block, long v, int blocks, MemorySegment target, long at) {
    PackedQ41.halves(weight, block + v, INSTANCE.packedBytes(), blocks, target, at);
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    IntVector halves = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
    FloatVector scale =
        halves
            .lanewise(LSHL, 16)
            .lanewise(ASHR, 3)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
    FloatVector minimum =
        halves.lanewise(ASHR, 3).and(PackedF16.MASK).reinterpretAsFloats().mul(PackedF16.REBIAS);
    line += LINE;
    IntVector fifth = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
    for (int i = 0; i < 4; i++) {
      line += LINE;
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        int place = shift + 2 * i;
        IntVector low =
            word.lanewise(LSHR, shift)
                .and(15)
                .or(fifth.lanewise(LSHR, place).and(1).lanewise(LSHL, 4));
        ((FloatVector) low.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .add(minimum)
            .intoMemorySegment(panel, at, ORDER);
        IntVector high =
            word.lanewise(LSHR, shift + 4)
                .and(15)
                .or(fifth.lanewise(LSHR, place + 1).and(1).lanewise(LSHL, 4));
        ((FloatVector) high.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .add(minimum)
            .intoMemorySegment(panel, at + 16 * step, ORDER);
      }
    }
  }
}
