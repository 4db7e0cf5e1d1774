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
 * Q4_0: blocks of 32 columns, 4 lines of 8 columns each, then 16 scales (F16). Line i holds columns
 * 4i..4i+3 in the lower nibbles of its bytes, 16 + 4i..16 + 4i+3 in the upper ones.
 */
final class PackedQ40 extends PackedBlocks {
  static final PackedQ40 INSTANCE = new PackedQ40();

  static final int LENGTH = 32;

  /** What is taken from the nibbles. */
  static final int CENTER = 8;

  /** Bytes before the scales of a block. */
  static final long SCALES = 4 * LINE;

  private PackedQ40() {
    super(DType.Q4_0, 2, 0, 0, 0);
  }

  @Override
  public void read(
      MemorySegment weight,
      long base,
      int rows,
      int columns,
      int row,
      int from,
      int to,
      MemorySegment panel,
      long at,
      int stride) {
    long block = base + row / ROWS * tileBytes(columns) + from / LENGTH * packedBytes();
    for (int k = from; k < to; k += LENGTH, block += packedBytes(), at += 4L * LENGTH * stride) {
      for (int group = 0; group < GROUPS; group++) {
        block(
            weight,
            block + group * VECTOR,
            block + SCALES + group * VECTOR / 2,
            panel,
            at + group * VECTOR,
            4L * stride);
      }
    }
  }

  private static void block(
      MemorySegment weight, long line, long scales, MemorySegment panel, long at, long step) {
    FloatVector scale =
        ((IntVector)
                ShortVector.fromMemorySegment(HALF, weight, scales, ORDER)
                    .convertShape(S2I, Lanes.INT, 0))
            .lanewise(LSHL, 13)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
    for (int i = 0; i < 4; i++, line += LINE) {
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        IntVector low = word.lanewise(LSHR, shift).and(15).sub(CENTER);
        ((FloatVector) low.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at, ORDER);
        IntVector high = word.lanewise(LSHR, shift + 4).and(15).sub(CENTER);
        ((FloatVector) high.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at + 16 * step, ORDER);
      }
    }
  }
}
