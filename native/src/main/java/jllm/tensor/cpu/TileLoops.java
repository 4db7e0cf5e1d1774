package jllm.tensor.cpu;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The softmax of {@link TiledAttention} over a tile of scores [keys][WIDTH], in which a lane is a
 * query: column by column of one vector.
 */
final class TileLoops {
  /** Less than any score, but finite: the difference of two such is no NaN. */
  static final float LEAST = -1e30f;

  private static final int ROW = 4 * GemmKernel.WIDTH;
  private static final int VECTOR = Lanes.BITS / 8;

  private TileLoops() {}

  /** {@code s = cap * tanh(s / cap)}. */
  static void softCap(MemorySegment work, long scores, int keys, float cap) {
    FloatVector inverse = broadcast(FLOAT, 1 / cap);
    for (int i = 0; i < keys * GemmKernel.WIDTH; i += Lanes.COUNT) {
      long at = scores + 4L * i;
      FloatVector ratio = fromMemorySegment(FLOAT, work, at, ORDER).mul(inverse);
      VectorMath.tanh(ratio).mul(cap).intoMemorySegment(work, at, ORDER);
    }
  }

  /**
   * Sets the scores of keys that a query does not see to {@code value}.
   *
   * @param first WIDTH floats: the first key that each query sees
   * @param end the end of the keys that it sees
   */
  static void mask(
      MemorySegment work, long scores, int key, int keys, long first, long end, float value) {
    for (int j = 0; j < ROW; j += VECTOR) {
      FloatVector from = fromMemorySegment(FLOAT, work, first + j, ORDER);
      FloatVector to = fromMemorySegment(FLOAT, work, end + j, ORDER);
      for (int row = 0; row < keys; row++) {
        long at = scores + (long) ROW * row + j;
        FloatVector index = broadcast(FLOAT, key + row);
        VectorMask<Float> hidden =
            index.compare(VectorOperators.LT, from).or(index.compare(VectorOperators.GE, to));
        fromMemorySegment(FLOAT, work, at, ORDER)
            .blend(value, hidden)
            .intoMemorySegment(work, at, ORDER);
      }
    }
  }

  /**
   * Turns scores into {@code e^(s - m)}, m being the largest score so far, and scales what was
   * summed up with an older m.
   *
   * @param largest m of each query
   * @param factor room for a row
   * @param sum the sum of the exponentials of each query
   * @param result [rows][WIDTH], the sums of values
   */
  static void update(
      MemorySegment work,
      long scores,
      int keys,
      long largest,
      long factor,
      long sum,
      long result,
      int rows) {
    for (int j = 0; j < ROW; j += VECTOR) {
      largest(work, scores + j, keys, largest + j, factor + j);
      exponentials(work, scores + j, keys, largest + j, factor + j, sum + j);
      scale(work, result + j, rows, factor + j);
    }
  }

  /**
   * Turns scores into weights {@code p = e^(s - lse)}, and the derivatives of the weights into
   * those of the scores before the cap: {@code p (dp - delta) (1 - (s / cap)^2)}.
   *
   * @param slopes dp, a tile like the scores
   * @param lse WIDTH floats
   * @param delta WIDTH floats
   * @param cap 0 = none
   */
  static void backward(
      MemorySegment work, long scores, long slopes, int keys, long lse, long delta, float cap) {
    FloatVector inverse = broadcast(FLOAT, cap > 0 ? 1 / cap : 0);
    FloatVector one = broadcast(FLOAT, 1);
    for (int j = 0; j < ROW; j += VECTOR) {
      FloatVector shift = fromMemorySegment(FLOAT, work, lse + j, ORDER);
      FloatVector mean = fromMemorySegment(FLOAT, work, delta + j, ORDER);
      for (int row = 0; row < keys; row++) {
        long at = (long) ROW * row + j;
        FloatVector score = fromMemorySegment(FLOAT, work, scores + at, ORDER);
        FloatVector p = VectorMath.expOfNegative(score.sub(shift));
        FloatVector t = score.mul(inverse);
        FloatVector slope = fromMemorySegment(FLOAT, work, slopes + at, ORDER).sub(mean).mul(p);
        p.intoMemorySegment(work, scores + at, ORDER);
        slope.mul(t.neg().fma(t, one)).intoMemorySegment(work, slopes + at, ORDER);
      }
    }
  }

  // Vectors pass between these methods through memory: as arguments they would be objects whenever
  // the JIT does not inline.

  /** Updates m, and writes the factor by which what was summed up shrinks. */
  private static void largest(
      MemorySegment work, long scores, int keys, long largest, long factor) {
    FloatVector before = fromMemorySegment(FLOAT, work, largest, ORDER);
    FloatVector a = before;
    FloatVector b = before;
    int row = 0;
    for (; row < keys - 1; row += 2) {
      a = a.max(fromMemorySegment(FLOAT, work, scores + (long) ROW * row, ORDER));
      b = b.max(fromMemorySegment(FLOAT, work, scores + (long) ROW * row + ROW, ORDER));
    }
    if (row < keys) {
      a = a.max(fromMemorySegment(FLOAT, work, scores + (long) ROW * row, ORDER));
    }
    a = a.max(b);
    a.intoMemorySegment(work, largest, ORDER);
    VectorMath.expOfNegative(before.sub(a)).intoMemorySegment(work, factor, ORDER);
  }

  private static void exponentials(
      MemorySegment work, long scores, int keys, long largest, long factor, long sum) {
    FloatVector shift = fromMemorySegment(FLOAT, work, largest, ORDER);
    FloatVector total =
        fromMemorySegment(FLOAT, work, sum, ORDER)
            .mul(fromMemorySegment(FLOAT, work, factor, ORDER));
    for (int row = 0; row < keys; row++) {
      long at = scores + (long) ROW * row;
      FloatVector power =
          VectorMath.expOfNegative(fromMemorySegment(FLOAT, work, at, ORDER).sub(shift));
      power.intoMemorySegment(work, at, ORDER);
      total = total.add(power);
    }
    total.intoMemorySegment(work, sum, ORDER);
  }

  private static void scale(MemorySegment work, long result, int rows, long factor) {
    FloatVector shrink = fromMemorySegment(FLOAT, work, factor, ORDER);
    for (int row = 0; row < rows; row++) {
      long at = result + (long) ROW * row;
      fromMemorySegment(FLOAT, work, at, ORDER).mul(shrink).intoMemorySegment(work, at, ORDER);
    }
  }
}
