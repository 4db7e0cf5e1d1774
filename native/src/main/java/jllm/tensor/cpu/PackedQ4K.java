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
 * Q4_K: blocks of 256 columns. Line 0 holds d and dmin (F16), lines 1 to 3 the scales and minima of
 * the 8 groups of 32 columns as the file packs them into 12 bytes, then come 8 lines for each pair
 * of groups: line i of a pair holds columns 4i..4i+3 of the first group in the lower nibbles of its
 * bytes, those of the second in the upper ones.
 */
final class PackedQ4K extends PackedBlocks {
  static final PackedQ4K INSTANCE = new PackedQ4K();

  static final int LENGTH = 256;

  /** Columns that share a scale and a minimum. */
  static final int GROUP = 32;

  /** Bytes before the nibbles of a block. */
  static final long QUANTS = 4 * LINE;

  private PackedQ4K() {
    super(DType.Q4_K, 0, -1, 0, 0);
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
        // The first two columns of each group keep its scale and minimum until they are
        // overwritten.
        scales(weight, block + v * VECTOR, panel, at + v * VECTOR, GROUP * step, step);
        for (int group = 0; group < LENGTH / GROUP; group++) {
          long line = block + QUANTS + group / 2 * 8 * LINE + v * VECTOR;
          group(weight, line, group % 2 * 4, panel, at + group * GROUP * step + v * VECTOR, step);
        }
      }
    }
  }

  private static void group(
      MemorySegment weight, long line, int nibble, MemorySegment panel, long at, long step) {
    FloatVector scale = FloatVector.fromMemorySegment(FLOAT, panel, at, ORDER);
    FloatVector min = FloatVector.fromMemorySegment(FLOAT, panel, at + step, ORDER);
    for (int i = 0; i < 8; i++, line += LINE) {
      IntVector word = IntVector.fromMemorySegment(Lanes.INT, weight, line, ORDER);
      for (int shift = nibble; shift < 32; shift += 8, at += step) {
        IntVector value = word.lanewise(LSHR, shift).and(15);
        ((FloatVector) value.convertShape(I2F, FLOAT, 0))
            .mul(scale)
            .sub(min)
            .intoMemorySegment(panel, at, ORDER);
      }
    }
  }

  /** {@link MatVecPairs.Scales} of blocks of 256 columns, of which there is one at a time. */
  static void scales(
      MemorySegment weight, long block, long v, int blocks, MemorySegment target, long at) {
    scales(weight, block + v, target, at, 2 * LINE, LINE);
  }

  /**
   * Writes {@code d * scale} of group g to {@code at + g * step} and {@code dmin * min} to {@code
   * minAt} bytes behind it, a vector each.
   *
   * @param block byte of a block, plus that of the vector in a line
   */
  static void scales(
      MemorySegment weight, long block, MemorySegment target, long at, long step, long minAt) {
    IntVector halves = IntVector.fromMemorySegment(Lanes.INT, weight, block, ORDER);
    FloatVector d =
        halves
            .lanewise(LSHL, 16)
            .lanewise(ASHR, 3)
            .and(PackedF16.MASK)
            .reinterpretAsFloats()
            .mul(PackedF16.REBIAS);
    FloatVector dmin =
        halves.lanewise(ASHR, 3).and(PackedF16.MASK).reinterpretAsFloats().mul(PackedF16.REBIAS);
    IntVector first = IntVector.fromMemorySegment(Lanes.INT, weight, block + LINE, ORDER);
    IntVector second = IntVector.fromMemorySegment(Lanes.INT, weight, block + 2 * LINE, ORDER);
    IntVector third = IntVector.fromMemorySegment(Lanes.INT, weight, block + 3 * LINE, ORDER);
    for (int group = 0; group < 4; group++, at += step) {
      IntVector a = first.lanewise(LSHR, 8 * group);
      IntVector b = second.lanewise(LSHR, 8 * group);
      IntVector c = third.lanewise(LSHR, 8 * group);
      ((FloatVector) a.and(63).convertShape(I2F, FLOAT, 0))
          .mul(d)
          .intoMemorySegment(target, at, ORDER);
      ((FloatVector) b.and(63).convertShape(I2F, FLOAT, 0))
          .mul(dmin)
          .intoMemorySegment(target, at + minAt, ORDER);
      IntVector scale = c.and(15).or(a.lanewise(LSHR, 2).and(48));
      IntVector min = c.lanewise(LSHR, 4).and(15).or(b.lanewise(LSHR, 2).and(48));
      long later = at + 4 * step;
      ((FloatVector) scale.convertShape(I2F, FLOAT, 0))
          .mul(d)
          .intoMemorySegment(target, later, ORDER);
      ((FloatVector) min.convertShape(I2F, FLOAT, 0))
          .mul(dmin)
          .intoMemorySegment(target, later + minAt, ORDER);
    }
  }
}
