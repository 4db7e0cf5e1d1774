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
 * Q5_0: blocks of 32 columns. Line 0 holds the {@link FifthBits}, line 1 + i columns 4i..4i+3 in
 * the lower nibbles of its bytes, 16 + 4i..16 + 4i+3 in the upper ones; then 16 scales (F16).
 */
final class PackedQ50 extends PackedGroups {
  static final PackedQ50 INSTANCE = new PackedQ50();

  /** What is taken from the numbers of 5 bits. */
  static final int CENTER = 16;

  private PackedQ50() {
    super(DType.Q5_0, 2, 0, 0);
  }

  /** {@link MatVecPairs.Scales}: what is taken from the numbers of 5 bits is a minimum. */
  static void scales(
      MemorySegment weight, long block, long v, int blocks, MemorySegment target, long at) {
    long half = block + 5 * LINE + v / 2;
    for (int i = 0; i < blocks; i++, half += INSTANCE.packedBytes(), at += 2 * LINE) {
      FloatVector scale =
          ((IntVector)
                  ShortVector.fromMemorySegment(HALF, weight, half, ORDER)
                      .convertShape(S2I, Lanes.INT, 0))
              .lanewise(LSHL, 13)
              .and(PackedF16.MASK)
              .reinterpretAsFloats()
              .mul(PackedF16.REBIAS);
      scale.intoMemorySegment(target, at, ORDER);
      scale.mul(CENTER).intoMemorySegment(target, at + LINE, ORDER);
    }
  }

  @Override
  void unpack(MemorySegment weight, long line, long half, MemorySegment panel, long at, long step) {
    FloatVector scale =
        ((IntVector)
                ShortVector.fromMemorySegment(HALF, weight, half, ORDER)
                    .convertShape(S2I, Lanes.INT, 0))
            .lanewise(LSHL, 13)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
    IntVector fifth = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
    for (int i = 0; i < 4; i++) {
      line += LINE;
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        int place = shift + 2 * i;
        IntVector low =
            word.lanewise(LSHR, shift)
                .and(15)
                .or(fifth.lanewise(LSHR, place).and(1).lanewise(LSHL, 4))
                .sub(CENTER);
        ((FloatVector) low.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at, ORDER);
        IntVector high =
            word.lanewise(LSHR, shift + 4)
                .and(15)
                .or(fifth.lanewise(LSHR, place + 1).and(1).lanewise(LSHL, 4))
                .sub(CENTER);
        ((FloatVector) high.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at + 16 * step, ORDER);
      }
    }
  }
}
