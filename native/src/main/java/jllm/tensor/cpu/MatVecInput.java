package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * A row of activations as a kernel wants it, made once and read by all threads. It is kept in
 * arrays: kernels broadcast single elements, and the JIT checks the bounds of an array once where
 * it checks those of a segment each time.
 */
final class MatVecInput {
  /** The row, zeros behind it. */
  float[] values = new float[0];

  /** For each block or group, what a kernel adds because of the sum of the activations in it. */
  float[] sums = new float[0];

  /** The scale of each group of integers. */
  float[] scales = new float[0];

  /** Element c: the integers of columns c (lower half) and c + 2 (upper half). */
  int[] pairs = new int[0];

  /** For each group, with which sums of products the two halves begin. */
  int[] starts = new int[0];

  /** For each group, what the start took away. */
  int[] corrections = new int[0];

  private int[] integers = new int[0];

  /** Elements of column c mod 4 that are in the lower half of a pair. */
  private static final IntVector LOWER =
      IntVector.fromArray(
          Lanes.INT, new int[] {-1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0}, 0);

  /** Takes a row as it is. */
  void floats(MemorySegment x, long at, int columns, int paddedColumns) {
    if (values.length < paddedColumns) {
      values = new float[paddedColumns];
    }
    MemorySegment.copy(x, JAVA_FLOAT_UNALIGNED, at, values, 0, columns);
    for (int i = columns; i < paddedColumns; i++) {
      values[i] = 0;
    }
  }

  /** Takes a row as it is, and {@code factor} times the sum of each {@code group} of columns. */
  void floatsWithSums(MemorySegment x, long at, int columns, int group, float factor) {
    floats(x, at, columns, columns);
    if (sums.length < columns / group) {
      sums = new float[columns / group];
    }
    for (int column = 0, g = 0; column < columns; column += group, g++) {
      FloatVector sum = FloatVector.zero(FLOAT);
      for (int i = 0; i < group; i += Lanes.COUNT) {
        sum = sum.add(FloatVector.fromMemorySegment(FLOAT, x, at + 4L * (column + i), ORDER));
      }
      sums[g] = factor * Lanes.sum(sum);
    }
  }

  /**
   * Takes a row rounded to integers.
   *
   * @param group columns that share a scale, 16 or 32
   * @param limit the largest integer
   * @param center what the stored weights of a group are too large by
   */
  void integers(MemorySegment x, long at, int columns, int group, int limit, int center) {
    int groups = columns / group;
    if (pairs.length < columns) {
      pairs = new int[columns];
      integers = new int[columns + 2];
    }
    if (starts.length < groups) {
      starts = new int[groups];
      corrections = new int[groups];
      sums = new float[groups];
      scales = new float[groups];
    }
    InputQuantizer.quantize(x, at, columns, group, limit, integers, scales);
    for (int column = 0, g = 0; column < columns; column += group, g++) {
      IntVector all = IntVector.zero(Lanes.INT);
      IntVector lower = all;
      for (int i = column; i < column + group; i += Lanes.COUNT) {
        IntVector first = IntVector.fromArray(Lanes.INT, integers, i);
        IntVector second = IntVector.fromArray(Lanes.INT, integers, i + 2);
        first.and(0xffff).or(second.lanewise(VectorOperators.LSHL, 16)).intoArray(pairs, i);
        all = all.add(first);
        lower = lower.add(first.and(LOWER));
      }
      int total = all.reduceLanes(VectorOperators.ADD);
      int low = lower.reduceLanes(VectorOperators.ADD);
      starts[g] = -center * low & 0xffff | -center * (total - low) << 16;
      corrections[g] = center * total;
      sums[g] = scales[g] * total;
    }
  }
}
