package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The loops of {@link SlimProduct}: tiles of {@code c[m, j] (+)= sum over k of a[m, k] b[k, j]}
 * that read both operands where they lie. More sums than eight make methods that the JIT does not
 * compile; see {@link GemmKernel}.
 */
final class SlimLoops {
  private static final long VECTOR = Lanes.BITS / 8;

  private SlimLoops() {}

  /** Eight rows of one vector; strides are bytes. */
  static void rows8(
      MemorySegment as,
      long a,
      long aRow,
      long aStep,
      MemorySegment bs,
      long b,
      long bStep,
      MemorySegment cs,
      long c,
      long cRow,
      int depth,
      boolean add) {
    FloatVector c0 = FloatVector.zero(FLOAT);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    FloatVector c4 = c0;
    FloatVector c5 = c0;
    FloatVector c6 = c0;
    FloatVector c7 = c0;
    long lower = a + 4 * aRow;
    for (int k = 0; k < depth; k++) {
      FloatVector v = fromMemorySegment(FLOAT, bs, b + k * bStep, ORDER);
      long at = a + k * aStep;
      c0 = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at)).fma(v, c0);
      c1 = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + aRow)).fma(v, c1);
      c2 = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 2 * aRow)).fma(v, c2);
      c3 = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 3 * aRow)).fma(v, c3);
      at = lower + k * aStep;
      c4 = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at)).fma(v, c4);
      c5 = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + aRow)).fma(v, c5);
      c6 = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 2 * aRow)).fma(v, c6);
      c7 = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 3 * aRow)).fma(v, c7);
    }
    SlimVectors.store(cs, c, c0, add);
    SlimVectors.store(cs, c + cRow, c1, add);
    SlimVectors.store(cs, c + 2 * cRow, c2, add);
    SlimVectors.store(cs, c + 3 * cRow, c3, add);
    SlimVectors.store(cs, c + 4 * cRow, c4, add);
    SlimVectors.store(cs, c + 5 * cRow, c5, add);
    SlimVectors.store(cs, c + 6 * cRow, c6, add);
    SlimVectors.store(cs, c + 7 * cRow, c7, add);
  }

  /** Four rows of two vectors. */
  static void rows4(
      MemorySegment as,
      long a,
      long aRow,
      long aStep,
      MemorySegment bs,
      long b,
      long bStep,
      MemorySegment cs,
      long c,
      long cRow,
      int depth,
      boolean add) {
    FloatVector c0 = FloatVector.zero(FLOAT);
    FloatVector c1 = c0;
    FloatVector c2 = c0;
    FloatVector c3 = c0;
    FloatVector d0 = c0;
    FloatVector d1 = c0;
    FloatVector d2 = c0;
    FloatVector d3 = c0;
    for (int k = 0; k < depth; k++) {
      FloatVector v = fromMemorySegment(FLOAT, bs, b + k * bStep, ORDER);
      FloatVector w = fromMemorySegment(FLOAT, bs, b + k * bStep + VECTOR, ORDER);
      long at = a + k * aStep;
      FloatVector x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at));
      c0 = x.fma(v, c0);
      d0 = x.fma(w, d0);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + aRow));
      c1 = x.fma(v, c1);
      d1 = x.fma(w, d1);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 2 * aRow));
      c2 = x.fma(v, c2);
      d2 = x.fma(w, d2);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 3 * aRow));
      c3 = x.fma(v, c3);
      d3 = x.fma(w, d3);
    }
    SlimVectors.store(cs, c, c0, add);
    SlimVectors.store(cs, c + VECTOR, d0, add);
    SlimVectors.store(cs, c + cRow, c1, add);
    SlimVectors.store(cs, c + cRow + VECTOR, d1, add);
    SlimVectors.store(cs, c + 2 * cRow, c2, add);
    SlimVectors.store(cs, c + 2 * cRow + VECTOR, d2, add);
    SlimVectors.store(cs, c + 3 * cRow, c3, add);
    SlimVectors.store(cs, c + 3 * cRow + VECTOR, d3, add);
  }

  /**
   * Adds eight products to two rows: {@code c[m, j] += sum over k below 8 of a[m, k] b[k, j]}, j in
   * whole vectors up to {@code count}. Rows of {@code b} and {@code c} are read in order.
   */
  static void pair(
      MemorySegment as,
      long a,
      long aRow,
      long aStep,
      MemorySegment bs,
      long b,
      long bStep,
      MemorySegment cs,
      long c,
      long cRow,
      int count) {
    FloatVector x0 = SlimVectors.factor(as, a);
    FloatVector x1 = SlimVectors.factor(as, a + aStep);
    FloatVector x2 = SlimVectors.factor(as, a + 2 * aStep);
    FloatVector x3 = SlimVectors.factor(as, a + 3 * aStep);
    FloatVector x4 = SlimVectors.factor(as, a + 4 * aStep);
    FloatVector x5 = SlimVectors.factor(as, a + 5 * aStep);
    FloatVector x6 = SlimVectors.factor(as, a + 6 * aStep);
    FloatVector x7 = SlimVectors.factor(as, a + 7 * aStep);
    FloatVector y0 = SlimVectors.factor(as, a + aRow);
    FloatVector y1 = SlimVectors.factor(as, a + aRow + aStep);
    FloatVector y2 = SlimVectors.factor(as, a + aRow + 2 * aStep);
    FloatVector y3 = SlimVectors.factor(as, a + aRow + 3 * aStep);
    FloatVector y4 = SlimVectors.factor(as, a + aRow + 4 * aStep);
    FloatVector y5 = SlimVectors.factor(as, a + aRow + 5 * aStep);
    FloatVector y6 = SlimVectors.factor(as, a + aRow + 6 * aStep);
    FloatVector y7 = SlimVectors.factor(as, a + aRow + 7 * aStep);
    for (int j = 0; j < count; j += Lanes.COUNT) {
      long at = b + 4L * j;
      FloatVector v = fromMemorySegment(FLOAT, bs, at, ORDER);
      FloatVector p = x0.fma(v, fromMemorySegment(FLOAT, cs, c + 4L * j, ORDER));
      FloatVector q = y0.fma(v, fromMemorySegment(FLOAT, cs, c + cRow + 4L * j, ORDER));
      v = fromMemorySegment(FLOAT, bs, at + bStep, ORDER);
      p = x1.fma(v, p);
      q = y1.fma(v, q);
      v = fromMemorySegment(FLOAT, bs, at + 2 * bStep, ORDER);
      p = x2.fma(v, p);
      q = y2.fma(v, q);
      v = fromMemorySegment(FLOAT, bs, at + 3 * bStep, ORDER);
      p = x3.fma(v, p);
      q = y3.fma(v, q);
      v = fromMemorySegment(FLOAT, bs, at + 4 * bStep, ORDER);
      p = x4.fma(v, p);
      q = y4.fma(v, q);
      v = fromMemorySegment(FLOAT, bs, at + 5 * bStep, ORDER);
      p = x5.fma(v, p);
      q = y5.fma(v, q);
      v = fromMemorySegment(FLOAT, bs, at + 6 * bStep, ORDER);
      p = x6.fma(v, p);
      q = y6.fma(v, q);
      v = fromMemorySegment(FLOAT, bs, at + 7 * bStep, ORDER);
      x7.fma(v, p).intoMemorySegment(cs, c + 4L * j, ORDER);
      y7.fma(v, q).intoMemorySegment(cs, c + cRow + 4L * j, ORDER);
    }
  }

  /** One row of one vector, for what the others leave. */
  static void row(
      MemorySegment as,
      long a,
      long aStep,
      MemorySegment bs,
      long b,
      long bStep,
      MemorySegment cs,
      long c,
      int depth,
      boolean add) {
    FloatVector sum = FloatVector.zero(FLOAT);
    for (int k = 0; k < depth; k++) {
      FloatVector v = fromMemorySegment(FLOAT, bs, b + k * bStep, ORDER);
      sum = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, a + k * aStep)).fma(v, sum);
    }
    SlimVectors.store(cs, c, sum, add);
  }
}
