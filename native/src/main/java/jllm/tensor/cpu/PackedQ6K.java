package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.ASHR;
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
 * Q6_K: blocks of 256 columns. Four lines hold the scales (int8) of the 16 groups of 16 columns.
 * Then, for each half of the block (128 columns in four quarters of 32), 8 times 3 lines: of
 * columns 4i..4i+3 of each quarter, the low 4 bits of quarters 0 (lower nibbles) and 2 (upper),
 * those of quarters 1 and 3, and the high 2 bits of all four, quarter by quarter from the lowest
 * bits of each byte up. The scales d (F16) of the rows come last.
 */
final class PackedQ6K extends PackedBlocks {
  static final PackedQ6K INSTANCE = new PackedQ6K();

  static final int LENGTH = 256;

  /** Columns that share a scale. */
  static final int GROUP = 16;

  /** What is taken from the numbers of 6 bits. */
  static final int CENTER = 32;

  /** Bytes before the first half of a block. */
  static final long QUANTS = 4 * LINE;

  /** Bytes of a half. */
  static final long HALF_BYTES = 24 * LINE;

  /** Bytes before the scales d. */
  static final long SCALES = QUANTS + 2 * HALF_BYTES;

  private PackedQ6K() {
    super(DType.Q6_K, 0, 208, 0, 0, lines(), -1);
  }

  /** The file has 32 words of low bits, 16 of high bits, 4 of scales. */
  private static int[] lines() {
    int[] lines = new int[52];
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 8; i++) {
        int line = 4 + half * 24 + 3 * i;
        lines[half * 16 + i] = line;
        lines[half * 16 + 8 + i] = line + 1;
        lines[32 + half * 8 + i] = line + 2;
      }
    }
    for (int i = 0; i < 4; i++) {
      lines[48 + i] = i;
    }
    return lines;
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
    long step = 4L * stride;
    for (int k = from; k < to; k += LENGTH, block += packedBytes(), at += LENGTH * step) {
      for (int v = 0; v < GROUPS; v++) {
        // The first column of each group keeps its scale until it is overwritten.
        scales(weight, block, v, panel, at + v * VECTOR, GROUP * step);
        for (int group = 0; group < LENGTH / GROUP; group++) {
          long lines = block + QUANTS + group / 8 * HALF_BYTES + group % 2 * 12 * LINE + v * VECTOR;
          group(weight, lines, group % 8 / 2, panel, at + group * GROUP * step + v * VECTOR, step);
        }
      }
    }
  }

  private static void group(
      MemorySegment weight, long line, int quarter, MemorySegment panel, long at, long step) {
    FloatVector scale = FloatVector.fromMemorySegment(FLOAT, panel, at, ORDER);
    int nibble = quarter / 2 * 4;
    for (int i = 0; i < 4; i++, line += 3 * LINE) {
      IntVector low =
          IntVector.fromMemorySegment(Lanes.INT, weight, line + quarter % 2 * LINE, ORDER);
      IntVector high = IntVector.fromMemorySegment(Lanes.INT, weight, line + 2 * LINE, ORDER);
      for (int shift = 0; shift < 32; shift += 8, at += step) {
        IntVector value =
            low.lanewise(LSHR, shift + nibble)
                .and(15)
                .or(high.lanewise(LSHR, shift + 2 * quarter).and(3).lanewise(LSHL, 4))
                .sub(CENTER);
        ((FloatVector) value.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .intoMemorySegment(panel, at, ORDER);
      }
    }
  }

  /**
   * Writes {@code d * scale} of group g to {@code at + g * step}, a vector each.
   *
   * @param v which vector of the lines
   */
  static void scales(
      MemorySegment weight, long block, int v, MemorySegment target, long at, long step) {
    FloatVector d =
        ((IntVector)
                ShortVector.fromMemorySegment(HALF, weight, block + SCALES + v * VECTOR / 2, ORDER)
                    .convertShape(S2I, Lanes.INT, 0))
            .lanewise(LSHL, 13)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
    long line = block + v * VECTOR;
    for (int i = 0; i < 4; i++, line += LINE) {
      IntVector four = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = 24; shift >= 0; shift -= 8, at += step) {
        IntVector scale = four.lanewise(LSHL, shift).lanewise(ASHR, 24);
        ((FloatVector) scale.convertShape(I2F, FLOAT, 0))
            .mul(d)
            .intoMemorySegment(target, at, ORDER);
      }
    }
  }
}
