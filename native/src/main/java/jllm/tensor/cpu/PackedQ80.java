package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ROL;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.XOR;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.HALF;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jllm.tensor.DType;

/**
 * Q8_0: blocks of 32 columns, 8 lines of 4 columns each, then 16 scales (F16).
 *
 * <p>The bytes of a line are offset by 128 and rotated so that {@link MatVecQ80} finds the first of
 * the four where it needs it, in bits 15 to 22.
 */
final class PackedQ80 extends PackedBlocks {
  static final PackedQ80 INSTANCE = new PackedQ80();

  static final int LENGTH = 32;

  /** Bytes before the scales of a block. */
  static final long SCALES = 8 * LINE;

  private static final int OFFSET = 0x80808080;
  private static final int TURN = 15;

  private PackedQ80() {
    super(DType.Q8_0, 2, 0, OFFSET, TURN);
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
    for (int i = 0; i < 8; i++, line += LINE) {
      IntVector word =
          IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER)
              .lanewise(ROL, 32 - TURN)
              .lanewise(XOR, OFFSET);
      for (int shift = 24; shift >= 0; shift -= 8, at += step) {
        IntVector value = word.lanewise(LSHL, shift).lanewise(ASHR, 24);
        ((FloatVector) value.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at, ORDER);
      }
    }
  }
}
