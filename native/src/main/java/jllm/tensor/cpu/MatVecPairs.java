package jllm.tensor.cpu;

import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Weights whose lines hold two groups of columns, one in the lower nibbles of their bytes and one
 * in the upper ones.
 */
abstract class MatVecPairs extends MatVecKernel {
  /** Columns whose scales are made at a time. */
  private static final int COLUMNS = 256;

  /** Makes scales and minima of groups as floats. */
  interface Scales {
    /**
     * Writes for each pair of groups the scale, a vector, and a line behind it the minimum; for
     * each group, where the two have their own. Types without minima leave them out.
     *
     * @param v byte of the vector in a line
     */
    void write(MemorySegment weight, long block, long v, int blocks, MemorySegment target, long at);
  }

  /**
   * Where a type keeps what.
   *
   * @param format of the type
   * @param group columns of a group
   * @param quants bytes before the first line of nibbles of a block
   * @param gap bytes between the lines of a pair and those of the next, which is the next block's
   *     in blocks of one pair
   * @param second bytes between the scales of the two groups of a pair: 0 if they share them
   */
  record Layout(PackedBlocks format, int group, long quants, long gap, long second, Scales scales) {
    /** Bytes between the scales of pairs. */
    long pairScales() {
      return 2 * LINE + second;
    }
  }

  final Layout layout;

  MatVecPairs(Layout layout) {
    this.layout = layout;
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
    int length = layout.format.dtype().blockLength();
    for (long v = 0; v < LINE; v += PackedFormat.VECTOR) {
      FloatVector.zero(FLOAT).intoMemorySegment(out, target + v, ORDER);
      long block = tile;
      for (int k = 0; k < columns; k += COLUMNS) {
        int count = Math.min(COLUMNS, columns - k);
        long bytes = count / length * layout.format.packedBytes();
        touch(weight, block, bytes, scratch, scratchAt);
        layout.scales.write(weight, block, v, count / length, scratch, scratchAt);
        int pairs = count / (2 * layout.group);
        vector(weight, block + v, k, pairs, input, scratch, scratchAt, out, target + v);
        block += bytes;
      }
    }
  }

  /**
   * Reads a word of each line in their order, so that the lines come from memory as one stream.
   * Kernels visit them in orders that the prefetcher does not foresee: scales first, fifth bits by
   * turns with nibbles.
   *
   * @param target where the sum of the words goes, without which the JIT would leave them out
   */
  private static void touch(
      MemorySegment weight, long from, long bytes, MemorySegment scratch, long target) {
    int sum = 0;
    for (long at = from; at < from + bytes; at += LINE) {
      sum += weight.get(PackedFormat.INT, at);
    }
    scratch.set(PackedFormat.INT, target, sum);
  }

  /**
   * Adds the products of pairs of groups.
   *
   * @param block byte of a block, plus that of the vector in a line
   * @param k first column
   * @param scales byte of {@code scratch} at which they are, as {@link Scales} wrote them
   */
  abstract void vector(
      MemorySegment weight,
      long block,
      int k,
      int pairs,
      MatVecInput input,
      MemorySegment scratch,
      long scales,
      MemorySegment out,
      long target);
}
