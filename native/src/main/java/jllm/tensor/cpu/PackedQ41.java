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
 * Q4_1: blocks of 32 columns. Line 0 holds scale and minimum (F16), line 1 + i columns 4i..4i+3 in
 * the lower nibbles of its bytes, 16 + 4i..16 + 4i+3 in the upper ones.
 */
final class PackedQ41 extends PackedGroups {
  static final PackedQ41 INSTANCE = new PackedQ41();

  private PackedQ41() {
    super(DType.Q4_1, 0, -1);
  }

  /** {@link MatVecPairs.Scales}. */
  static void scales(
      MemorySegment weight, long block, long v, int blocks, MemorySegment target, long at) {
    halves(weight, block + v, INSTANCE.packedBytes(), blocks, target, at);
  }

  /** The same for blocks that are {@code step} bytes long and begin with scale and minimum. */
  static void halves(
      MemorySegment weight, long block, long step, int blocks, MemorySegment target, long at) {
    for (int i = 0; i < blocks; i++, block += step, at += 2 * LINE) {
      IntVector halves = IntVector.fromMemorySegment(Lanes.INT, weight, block, ORDER);
      halves
          .lanewise(LSHL, 16)
          .lanewise(ASHR, 3)
          .and(PackedF16.MASK)
          .reinterpretAsFloats()
          .mul(PackedF16.REBIAS)
          .intoMemorySegment(target, at, ORDER);
      // The file's minimum is added, a kernel's subtracted.
      halves
          .lanewise(ASHR, 3)
          .and(PackedF16.MASK)
          .reinterpretAsFloats()
          .mul(-PackedF16.REBIAS)
          .intoMemorySegment(target, at + LINE, ORDER);
    }
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
    for (int i = 0; i < 4; i++) {
      line += LINE;
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        IntVector low = word.lanewise(LSHR, shift).and(15);
        ((FloatVector) low.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .add(minimum)
            .intoMemorySegment(panel, at, ORDER);
        IntVector high = word.lanewise(LSHR, shift + 4).and(15);
        ((FloatVector) high.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .add(minimum)
            .intoMemorySegment(panel, at + 16 * step, ORDER);
      }
    }
  }
}
