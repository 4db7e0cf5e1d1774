package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The innermost loop of the matrix product: a tile of the result stays in registers while the
 * strips of both operands are read once, in order (Goto and van de Geijn 2008; Van Zee and van de
 * Geijn 2015).
 *
 * <p>A strip of the left operand is {@code [depth][rows]}, with {@link #ROWS} rows or less; a panel
 * of the right one is {@code [depth][WIDTH]} and a tile of the result {@code [rows][WIDTH]}. Two
 * vectors times 8 rows keep 16 sums, enough to hide the latency of two FMA units; with 16 vector
 * registers (AVX2, SSE) 6 rows are what fits.
 *
 * <p>The methods are as large as they may be. Loading the sums first or adding them to memory at
 * the end, or 11 rows, make methods that the JIT's profiling tier refuses ("out of virtual
 * registers"); such a method may stay in the tier before for ever, a hundred times slower. Hence
 * they begin at zero and overwrite their tile.
 */
final class GemmKernel {
  /** Columns of a panel of the right operand: two {@link PanelReader#ROWS}. */
  static final int WIDTH = 2 * PanelReader.ROWS;

  /** Rows of a full strip of the left operand. */
  static final int ROWS =
      Lanes.BITS == 512 || System.getProperty("os.arch").equals("aarch64") ? 8 : 6;

  private static final long ROW = 4L * WIDTH;
  private static final long VECTOR = Lanes.BITS / 8;

  private GemmKernel() {}

  /** Rows of the strip for the last {@code left} rows, those filled up with zeros included. */
  static int stripRows(int left, int depth) {
    if (left > 6) {
      return ROWS;
    }
    if (left > 4 || (left > 2 && depth % 2 != 0)) {
      return 6;
    }
    return left > 2 ? 4 : 2;
  }

  /**
   * Computes {@code c[r, j] = sum over k of a[k, r] b[k, j]}, j in 0..WIDTH-1.
   *
   * @param rows of the strip, as {@link #stripRows} says
   */
  static void multiply(
      MemorySegment as,
      long a,
      MemorySegment bs,
      long b,
      MemorySegment cs,
      long c,
      int rows,
      int depth) {
    for (long j = 0; j < ROW; j += 2 * VECTOR) {
      switch (rows) {
        case 8 -> rows8(as, a, bs, b + j, cs, c + j, depth);
        case 6 -> rows6(as, a, bs, b + j, cs, c + j, depth);
        case 4 -> rows4(as, a, bs, b + j, cs, c + j, depth);
        case 2 -> rows2(as, a, bs, b + j, cs, c + j, depth);
        default -> throw new IllegalArgumentException("a strip of " + rows + " rows");
      }
    }
  }

  private static void rows8(
      MemorySegment as, long a, MemorySegment bs, long b, MemorySegment cs, long c, int depth) {
    FloatVector zero = FloatVector.zero(FLOAT);
    FloatVector c0 = zero;
    FloatVector d0 = zero;
    FloatVector c1 = zero;
    FloatVector d1 = zero;
    FloatVector c2 = zero;
    FloatVector d2 = zero;
    FloatVector c3 = zero;
    FloatVector d3 = zero;
    FloatVector c4 = zero;
    FloatVector d4 = zero;
    FloatVector c5 = zero;
    FloatVector d5 = zero;
    FloatVector c6 = zero;
    FloatVector d6 = zero;
    FloatVector c7 = zero;
    FloatVector d7 = zero;
    for (int k = 0; k < depth; k++) {
      long at = a + k * 32L;
      FloatVector v = fromMemorySegment(FLOAT, bs, b + k * ROW, ORDER);
      FloatVector w = fromMemorySegment(FLOAT, bs, b + k * ROW + VECTOR, ORDER);
      FloatVector x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at));
      c0 = x.fma(v, c0);
      d0 = x.fma(w, d0);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 4));
      c1 = x.fma(v, c1);
      d1 = x.fma(w, d1);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 8));
      c2 = x.fma(v, c2);
      d2 = x.fma(w, d2);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 12));
      c3 = x.fma(v, c3);
      d3 = x.fma(w, d3);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 16));
      c4 = x.fma(v, c4);
      d4 = x.fma(w, d4);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 20));
      c5 = x.fma(v, c5);
      d5 = x.fma(w, d5);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 24));
      c6 = x.fma(v, c6);
      d6 = x.fma(w, d6);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 28));
      c7 = x.fma(v, c7);
      d7 = x.fma(w, d7);
    }
    c0.intoMemorySegment(cs, c, ORDER);
    d0.intoMemorySegment(cs, c + VECTOR, ORDER);
    c1.intoMemorySegment(cs, c + ROW, ORDER);
    d1.intoMemorySegment(cs, c + ROW + VECTOR, ORDER);
    c2.intoMemorySegment(cs, c + 2 * ROW, ORDER);
    d2.intoMemorySegment(cs, c + 2 * ROW + VECTOR, ORDER);
    c3.intoMemorySegment(cs, c + 3 * ROW, ORDER);
    d3.intoMemorySegment(cs, c + 3 * ROW + VECTOR, ORDER);
    c4.intoMemorySegment(cs, c + 4 * ROW, ORDER);
    d4.intoMemorySegment(cs, c + 4 * ROW + VECTOR, ORDER);
    c5.intoMemorySegment(cs, c + 5 * ROW, ORDER);
    d5.intoMemorySegment(cs, c + 5 * ROW + VECTOR, ORDER);
    c6.intoMemorySegment(cs, c + 6 * ROW, ORDER);
    d6.intoMemorySegment(cs, c + 6 * ROW + VECTOR, ORDER);
    c7.intoMemorySegment(cs, c + 7 * ROW, ORDER);
    d7.intoMemorySegment(cs, c + 7 * ROW + VECTOR, ORDER);
  }

  private static void rows6(
      MemorySegment as, long a, MemorySegment bs, long b, MemorySegment cs, long c, int depth) {
    FloatVector zero = FloatVector.zero(FLOAT);
    FloatVector c0 = zero;
    FloatVector d0 = zero;
    FloatVector c1 = zero;
    FloatVector d1 = zero;
    FloatVector c2 = zero;
    FloatVector d2 = zero;
    FloatVector c3 = zero;
    FloatVector d3 = zero;
    FloatVector c4 = zero;
    FloatVector d4 = zero;
    FloatVector c5 = zero;
    FloatVector d5 = zero;
    for (int k = 0; k < depth; k++) {
      long at = a + k * 24L;
      FloatVector v = fromMemorySegment(FLOAT, bs, b + k * ROW, ORDER);
      FloatVector w = fromMemorySegment(FLOAT, bs, b + k * ROW + VECTOR, ORDER);
      FloatVector x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at));
      c0 = x.fma(v, c0);
      d0 = x.fma(w, d0);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 4));
      c1 = x.fma(v, c1);
      d1 = x.fma(w, d1);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 8));
      c2 = x.fma(v, c2);
      d2 = x.fma(w, d2);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 12));
      c3 = x.fma(v, c3);
      d3 = x.fma(w, d3);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 16));
      c4 = x.fma(v, c4);
      d4 = x.fma(w, d4);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 20));
      c5 = x.fma(v, c5);
      d5 = x.fma(w, d5);
    }
    c0.intoMemorySegment(cs, c, ORDER);
    d0.intoMemorySegment(cs, c + VECTOR, ORDER);
    c1.intoMemorySegment(cs, c + ROW, ORDER);
    d1.intoMemorySegment(cs, c + ROW + VECTOR, ORDER);
    c2.intoMemorySegment(cs, c + 2 * ROW, ORDER);
    d2.intoMemorySegment(cs, c + 2 * ROW + VECTOR, ORDER);
    c3.intoMemorySegment(cs, c + 3 * ROW, ORDER);
    d3.intoMemorySegment(cs, c + 3 * ROW + VECTOR, ORDER);
    c4.intoMemorySegment(cs, c + 4 * ROW, ORDER);
    d4.intoMemorySegment(cs, c + 4 * ROW + VECTOR, ORDER);
    c5.intoMemorySegment(cs, c + 5 * ROW, ORDER);
    d5.intoMemorySegment(cs, c + 5 * ROW + VECTOR, ORDER);
  }

  /** Two columns at a time: what the JIT makes of one at a time is half as fast. */
  private static void rows4(
      MemorySegment as, long a, MemorySegment bs, long b, MemorySegment cs, long c, int depth) {
    FloatVector zero = FloatVector.zero(FLOAT);
    FloatVector c0 = zero;
    FloatVector d0 = zero;
    FloatVector c1 = zero;
    FloatVector d1 = zero;
    FloatVector c2 = zero;
    FloatVector d2 = zero;
    FloatVector c3 = zero;
    FloatVector d3 = zero;
    for (int k = 0; k < depth; k += 2) {
      long at = a + k * 16L;
      FloatVector v = fromMemorySegment(FLOAT, bs, b + k * ROW, ORDER);
      FloatVector w = fromMemorySegment(FLOAT, bs, b + k * ROW + VECTOR, ORDER);
      FloatVector x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at));
      c0 = x.fma(v, c0);
      d0 = x.fma(w, d0);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 4));
      c1 = x.fma(v, c1);
      d1 = x.fma(w, d1);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 8));
      c2 = x.fma(v, c2);
      d2 = x.fma(w, d2);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 12));
      c3 = x.fma(v, c3);
      d3 = x.fma(w, d3);
      v = fromMemorySegment(FLOAT, bs, b + k * ROW + ROW, ORDER);
      w = fromMemorySegment(FLOAT, bs, b + k * ROW + ROW + VECTOR, ORDER);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 16));
      c0 = x.fma(v, c0);
      d0 = x.fma(w, d0);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 20));
      c1 = x.fma(v, c1);
      d1 = x.fma(w, d1);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 24));
      c2 = x.fma(v, c2);
      d2 = x.fma(w, d2);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 28));
      c3 = x.fma(v, c3);
      d3 = x.fma(w, d3);
    }
    c0.intoMemorySegment(cs, c, ORDER);
    d0.intoMemorySegment(cs, c + VECTOR, ORDER);
    c1.intoMemorySegment(cs, c + ROW, ORDER);
    d1.intoMemorySegment(cs, c + ROW + VECTOR, ORDER);
    c2.intoMemorySegment(cs, c + 2 * ROW, ORDER);
    d2.intoMemorySegment(cs, c + 2 * ROW + VECTOR, ORDER);
    c3.intoMemorySegment(cs, c + 3 * ROW, ORDER);
    d3.intoMemorySegment(cs, c + 3 * ROW + VECTOR, ORDER);
  }

  private static void rows2(
      MemorySegment as, long a, MemorySegment bs, long b, MemorySegment cs, long c, int depth) {
    FloatVector zero = FloatVector.zero(FLOAT);
    FloatVector c0 = zero;
    FloatVector d0 = zero;
    FloatVector c1 = zero;
    FloatVector d1 = zero;
    for (int k = 0; k < depth; k++) {
      long at = a + k * 8L;
      FloatVector v = fromMemorySegment(FLOAT, bs, b + k * ROW, ORDER);
      FloatVector w = fromMemorySegment(FLOAT, bs, b + k * ROW + VECTOR, ORDER);
      FloatVector x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at));
      c0 = x.fma(v, c0);
      d0 = x.fma(w, d0);
      x = broadcast(FLOAT, as.get(JAVA_FLOAT_UNALIGNED, at + 4));
      c1 = x.fma(v, c1);
      d1 = x.fma(w, d1);
    }
    c0.intoMemorySegment(cs, c, ORDER);
    d0.intoMemorySegment(cs, c + VECTOR, ORDER);
    c1.intoMemorySegment(cs, c + ROW, ORDER);
    d1.intoMemorySegment(cs, c + ROW + VECTOR, ORDER);
  }
}
