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

  private static final int LENGTH = 256;

  private final PackedBlocks format;

  /** Bytes before the lines with the bit pairs of a block. */
  private final long quants;

  /** Bytes that the scales of a group take in the memory of a thread. */
  private final long scaleBytes;

  private final int center;

  /**
   * @param center what is taken from the weights for the sums to fit
   */
  MatVecQuarters(PackedBlocks format, long quants, long scaleBytes, int center) {
    this.format = format;
    this.quants = quants;
    this.scaleBytes = scaleBytes;
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
        for (int part = 0; part < 8; part++) {
          // 4 lines of a half, which are 16 columns of each quarter; two quarters at a time.
          int half = part / 4;
          int lines = part / 2 % 2;
          int quarter = part % 2 * 2;
          int first = 128 * half + 32 * quarter + GROUP * lines;
          vector(
              weight,
              block + quants + (8 * half + 4 * lines) * LINE + v,
              2 * quarter,
              block + 4 * lines * LINE + v,
              4 * half + quarter,
              k + first,
              input,
              scratch,
              scratchAt + first / GROUP * scaleBytes,
              out,
              target + v);
        }
      }
    }
  }

  /**
   * Writes the scales of the groups of a block as floats.
   *
   * @param v byte of the vector in a line
   */
  abstract void scales(
      MemorySegment weight, long block, long v, MemorySegment target, long at);

  /**
   * Adds the products of 16 columns of two quarters.
   *
   * @param p byte of the first of 4 lines with the bit pairs
   * @param shift of the bit pairs of the first quarter; those of the other are two places up
   * @param t byte of the first of 4 lines with the third bits, if there are any
   * @param third place of the third bits of the first quarter; those of the other are one place up
   * @param k first column of the first quarter; that of the other is 32 columns on
   * @param scales byte of {@code scratch} with the scale of the first group; that of the other is
   *     two groups on
   */
  abstract void vector(
      MemorySegment weight,
      long p,
      int shift,
      long t,
      int third,
      int k,
      MatVecInput input,
      MemorySegment scratch,
      long scales,
      MemorySegment out,
      long target);
}
