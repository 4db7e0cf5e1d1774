package jllm.tensor.cpu;

import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Weights in Q2_K and Q3_K with activations rounded to integers, 16 with one scale. The bytes of a
 * line hold two bits of a column of each quarter of a half of a block. The sums of the 8 products
 * of a half of a word are integers of 16 bits; as weights are so small, the integers may reach 1023
 * and more.
 */
abstract class MatVecQuarters extends MatVecKernel {
  /** Columns that share a scale. */
  static final int GROUP = 16;

  /** Two groups of four lines of two halves, in each the first two quarters and the others. */
  static final int PARTS = 8;

  private static final int LENGTH = 256;

  private final PackedBlocks format;
  private final int center;

  /**
   * @param center what is taken from the weights for the sums to fit
   */
  MatVecQuarters(PackedBlocks format, int center) {
    this.format = format;
    this.center = center;
  }

  @Override
  final int roundedGroup() {
    return GROUP;
  }

  @Override
  final int roundedLimit() {
    return Short.MAX_VALUE / (GROUP / 2 * center);
  }

  @Override
  final void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.integers(x, at, columns, roundedGroup(), roundedLimit(), center);
  }

  @Override
  final void multiply(
      MemorySegment weight,
      long tile,
      int columns,
      MatVecInput input,
      MemorySegment scratch,
      long scratchAt,
      MemorySegment out,
      long target) {
    for (long v = 0; v < LINE; v += PackedFormat.VECTOR) {
      FloatVector.zero(FLOAT).intoMemorySegment(out, target + v, ORDER);
      long block = tile;
      for (int k = 0; k < columns; k += LENGTH, block += format.packedBytes()) {
        scales(weight, block, v, scratch, scratchAt);
        vector(weight, block + v, k, input, scratch, scratchAt, out, target + v);
      }
    }
  }

  /**
   * Writes the scales of the groups of a block as floats.
   *
   * @param v byte of the vector in a line
   */
  abstract void scales(MemorySegment weight, long block, long v, MemorySegment target, long at);

  static int half(int part) {
    return part >> 2;
  }

  /** The first line with bit pairs of a part. */
  static int line(int part) {
    return (part >> 1) * 4;
  }

  /** The first quarter of a part. */
  static int quarter(int part) {
    return (part & 1) * 2;
  }

  /** The first column of a part in its block; that of the second quarter is 32 columns on. */
  static int column(int part) {
    return half(part) * 128 + quarter(part) * 32 + (part >> 1 & 1) * GROUP;
  }

  /**
   * Adds the products of a block, 16 columns of two quarters at a time.
   *
   * @param block byte of the block, plus that of the vector in a line
   * @param k first column
   * @param scales byte of {@code scratch} at which they are
   */
  abstract void vector(
      MemorySegment weight,
      long block,
      int k,
      MatVecInput input,
      MemorySegment scratch,
      long scales,
      MemorySegment out,
      long target);
}
