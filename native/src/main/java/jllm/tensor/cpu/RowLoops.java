package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The loops of {@link RowAttention}: some keys or values and a part of their components, for two
 * query heads or for one. A part is 4 vectors wide, or any number of components.
 */
final class RowLoops {
  /** Components of a wide part. */
  static final int WIDE = 4 * COUNT;

  private static final long VECTOR = 4L * COUNT;

  private RowLoops() {}

  /**
   * {@code s[h, j] += q[h] k[j]} for 2 heads and {@link #WIDE} components; q and s are in one
   * segment.
   */
  static void scores2(
      MemorySegment work,
      long q,
      long queryStride,
      MemorySegment ks,
      long k,
      long keyStride,
      int keys,
      long s,
      long scoreStride) {
    FloatVector a0 = fromMemorySegment(FLOAT, work, q, ORDER);
    FloatVector a1 = fromMemorySegment(FLOAT, work, q + VECTOR, ORDER);
    FloatVector a2 = fromMemorySegment(FLOAT, work, q + 2 * VECTOR, ORDER);
    FloatVector a3 = fromMemorySegment(FLOAT, work, q + 3 * VECTOR, ORDER);
    FloatVector b0 = fromMemorySegment(FLOAT, work, q + queryStride, ORDER);
    FloatVector b1 = fromMemorySegment(FLOAT, work, q + queryStride + VECTOR, ORDER);
    FloatVector b2 = fromMemorySegment(FLOAT, work, q + queryStride + 2 * VECTOR, ORDER);
    FloatVector b3 = fromMemorySegment(FLOAT, work, q + queryStride + 3 * VECTOR, ORDER);
    for (int j = 0; j < keys; j++) {
      long at = k + j * keyStride;
      long to = s + 4L * j;
      FloatVector k0 = fromMemorySegment(FLOAT, ks, at, ORDER);
      FloatVector k1 = fromMemorySegment(FLOAT, ks, at + VECTOR, ORDER);
      FloatVector k2 = fromMemorySegment(FLOAT, ks, at + 2 * VECTOR, ORDER);
      FloatVector k3 = fromMemorySegment(FLOAT, ks, at + 3 * VECTOR, ORDER);
      FloatVector a = k3.fma(a3, k2.fma(a2, k1.fma(a1, k0.mul(a0))));
      FloatVector b = k3.fma(b3, k2.fma(b2, k1.fma(b1, k0.mul(b0))));
      add(work, to, Lanes.sum(a));
      add(work, to + scoreStride, Lanes.sum(b));
    }
  }

  /** The same for one head and any number of components. */
  static void scores1(
      MemorySegment work,
      long q,
      MemorySegment ks,
      long k,
      long keyStride,
      int keys,
      int components,
      long s) {
    int whole = components - components % COUNT;
    for (int j = 0; j < keys; j++) {
      long key = k + j * keyStride;
      FloatVector sum = FloatVector.zero(FLOAT);
      for (int d = 0; d < whole; d += COUNT) {
        sum =
            fromMemorySegment(FLOAT, ks, key + 4L * d, ORDER)
                .fma(fromMemorySegment(FLOAT, work, q + 4L * d, ORDER), sum);
      }
      add(work, s + 4L * j, Lanes.sum(sum));
    }
    if (whole < components) {
      for (int j = 0; j < keys; j++) {
        long key = k + j * keyStride;
        float sum = 0;
        for (int d = whole; d < components; d++) {
          sum +=
              work.get(JAVA_FLOAT_UNALIGNED, q + 4L * d)
                  * ks.get(JAVA_FLOAT_UNALIGNED, key + 4L * d);
        }
        add(work, s + 4L * j, sum);
      }
    }
  }

  private static void add(MemorySegment work, long at, float value) {
    work.set(JAVA_FLOAT_UNALIGNED, at, work.get(JAVA_FLOAT_UNALIGNED, at) + value);
  }

  /**
   * {@code r[h] += sum over j of p[h, j] v[j]} for 2 heads and {@link #WIDE} components; r and p
   * are in one segment.
   */
  static void values2(
      MemorySegment work,
      long r,
      long resultStride,
      MemorySegment vs,
      long v,
      long valueStride,
      int keys,
      long p,
      long weightStride) {
    FloatVector a0 = fromMemorySegment(FLOAT, work, r, ORDER);
    FloatVector a1 = fromMemorySegment(FLOAT, work, r + VECTOR, ORDER);
    FloatVector a2 = fromMemorySegment(FLOAT, work, r + 2 * VECTOR, ORDER);
    FloatVector a3 = fromMemorySegment(FLOAT, work, r + 3 * VECTOR, ORDER);
    FloatVector b0 = fromMemorySegment(FLOAT, work, r + resultStride, ORDER);
    FloatVector b1 = fromMemorySegment(FLOAT, work, r + resultStride + VECTOR, ORDER);
    FloatVector b2 = fromMemorySegment(FLOAT, work, r + resultStride + 2 * VECTOR, ORDER);
    FloatVector b3 = fromMemorySegment(FLOAT, work, r + resultStride + 3 * VECTOR, ORDER);
    for (int j = 0; j < keys; j++) {
      long at = v + j * valueStride;
      long from = p + 4L * j;
      FloatVector v0 = fromMemorySegment(FLOAT, vs, at, ORDER);
      FloatVector v1 = fromMemorySegment(FLOAT, vs, at + VECTOR, ORDER);
      FloatVector v2 = fromMemorySegment(FLOAT, vs, at + 2 * VECTOR, ORDER);
      FloatVector v3 = fromMemorySegment(FLOAT, vs, at + 3 * VECTOR, ORDER);
      FloatVector w = broadcast(FLOAT, work.get(JAVA_FLOAT_UNALIGNED, from));
      a0 = v0.fma(w, a0);
      a1 = v1.fma(w, a1);
      a2 = v2.fma(w, a2);
      a3 = v3.fma(w, a3);
      w = broadcast(FLOAT, work.get(JAVA_FLOAT_UNALIGNED, from + weightStride));
      b0 = v0.fma(w, b0);
      b1 = v1.fma(w, b1);
      b2 = v2.fma(w, b2);
      b3 = v3.fma(w, b3);
    }
    a0.intoMemorySegment(work, r, ORDER);
    a1.intoMemorySegment(work, r + VECTOR, ORDER);
    a2.intoMemorySegment(work, r + 2 * VECTOR, ORDER);
    a3.intoMemorySegment(work, r + 3 * VECTOR, ORDER);
    b0.intoMemorySegment(work, r + resultStride, ORDER);
    b1.intoMemorySegment(work, r + resultStride + VECTOR, ORDER);
    b2.intoMemorySegment(work, r + resultStride + 2 * VECTOR, ORDER);
    b3.intoMemorySegment(work, r + resultStride + 3 * VECTOR, ORDER);
  }

  /** The same for one head and any number of components. */
  static void values1(
      MemorySegment work,
      long r,
      MemorySegment vs,
      long v,
      long valueStride,
      int keys,
      int components,
      long p) {
    int whole = components - components % COUNT;
    for (int d = 0; d < whole; d += COUNT) {
      long o = 4L * d;
      FloatVector even = fromMemorySegment(FLOAT, work, r + o, ORDER);
      FloatVector odd = FloatVector.zero(FLOAT);
      int j = 0;
      for (; j < keys - 1; j += 2) {
        long at = v + j * valueStride + o;
        long from = p + 4L * j;
        even =
            fromMemorySegment(FLOAT, vs, at, ORDER)
                .fma(broadcast(FLOAT, work.get(JAVA_FLOAT_UNALIGNED, from)), even);
        odd =
            fromMemorySegment(FLOAT, vs, at + valueStride, ORDER)
                .fma(broadcast(FLOAT, work.get(JAVA_FLOAT_UNALIGNED, from + 4)), odd);
      }
      if (j < keys) {
        float weight = work.get(JAVA_FLOAT_UNALIGNED, p + 4L * j);
        even =
            fromMemorySegment(FLOAT, vs, v + j * valueStride + o, ORDER)
                .fma(broadcast(FLOAT, weight), even);
      }
      even.add(odd).intoMemorySegment(work, r + o, ORDER);
    }
    for (int d = whole; d < components; d++) {
      float sum = 0;
      for (int j = 0; j < keys; j++) {
        float value = vs.get(JAVA_FLOAT_UNALIGNED, v + j * valueStride + 4L * d);
        sum += work.get(JAVA_FLOAT_UNALIGNED, p + 4L * j) * value;
      }
      add(work, r + 4L * d, sum);
    }
  }

  /** {@code s = cap * tanh(s / cap)}. */
  static void softCap(MemorySegment work, long s, int count, float cap) {
    FloatVector inverse = broadcast(FLOAT, 1 / cap);
    int j = 0;
    for (; j <= count - COUNT; j += COUNT) {
      long at = s + 4L * j;
      VectorMath.tanh(fromMemorySegment(FLOAT, work, at, ORDER).mul(inverse))
          .mul(cap)
          .intoMemorySegment(work, at, ORDER);
    }
    for (; j < count; j++) {
      long at = s + 4L * j;
      work.set(
          JAVA_FLOAT_UNALIGNED,
          at,
          (float) (cap * Math.tanh(work.get(JAVA_FLOAT_UNALIGNED, at) / cap)));
    }
  }

  /** {@code out = factor * x}, or added to out. */
  static void combine(
      MemorySegment out, long to, MemorySegment xs, long x, int count, float factor, boolean add) {
    int d = 0;
    for (; d <= count - COUNT; d += COUNT) {
      FloatVector scaled = fromMemorySegment(FLOAT, xs, x + 4L * d, ORDER).mul(factor);
      FloatVector sum =
          add ? scaled.add(fromMemorySegment(FLOAT, out, to + 4L * d, ORDER)) : scaled;
      sum.intoMemorySegment(out, to + 4L * d, ORDER);
    }
    for (; d < count; d++) {
      float scaled = xs.get(JAVA_FLOAT_UNALIGNED, x + 4L * d) * factor;
      out.set(
          JAVA_FLOAT_UNALIGNED,
          to + 4L * d,
          add ? scaled + out.get(JAVA_FLOAT_UNALIGNED, to + 4L * d) : scaled);
    }
  }
}
