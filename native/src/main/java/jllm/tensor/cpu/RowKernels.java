package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops of {@link RowAttention}: products of one or four query heads with the rows of a key
 * head.
 */
final class RowKernels {
  private static final long VECTOR = 4L * COUNT;

  private RowKernels() {}

  /** {@code s[h, j] = scale * q[h] k[j]} for 4 heads, one after the other in q. */
  static void scores4(
      MemorySegment qs,
      long q,
      MemorySegment ks,
      long k,
      long stride,
      int keys,
      int headDim,
      float scale,
      MemorySegment ss,
      long s,
      long scoreStride) {
    long head = 4L * headDim;
    int whole = headDim - headDim % COUNT;
    for (int j = 0; j < keys; j++) {
      long key = k + j * stride;
      FloatVector a0 = FloatVector.zero(FLOAT);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      for (int d = 0; d < whole; d += COUNT) {
        long o = 4L * d;
        FloatVector v = load(ks, key + o);
        a0 = v.fma(load(qs, q + o), a0);
        a1 = v.fma(load(qs, q + head + o), a1);
        a2 = v.fma(load(qs, q + 2 * head + o), a2);
        a3 = v.fma(load(qs, q + 3 * head + o), a3);
      }
      long at = s + 4L * j;
      ss.set(JAVA_FLOAT, at, scale * a0.reduceLanes(VectorOperators.ADD));
      ss.set(JAVA_FLOAT, at + scoreStride, scale * a1.reduceLanes(VectorOperators.ADD));
      ss.set(JAVA_FLOAT, at + 2 * scoreStride, scale * a2.reduceLanes(VectorOperators.ADD));
      ss.set(JAVA_FLOAT, at + 3 * scoreStride, scale * a3.reduceLanes(VectorOperators.ADD));
    }
    for (int h = 0; whole < headDim && h < 4; h++) {
      scoreTail(
          qs, q + h * head, ks, k, stride, keys, whole, headDim, scale, ss, s + h * scoreStride);
    }
  }

  /** The same for one head. */
  static void scores1(
      MemorySegment qs,
      long q,
      MemorySegment ks,
      long k,
      long stride,
      int keys,
      int headDim,
      float scale,
      MemorySegment ss,
      long s) {
    int whole = headDim - headDim % COUNT;
    for (int j = 0; j < keys; j++) {
      long key = k + j * stride;
      FloatVector sum = FloatVector.zero(FLOAT);
      for (int d = 0; d < whole; d += COUNT) {
        sum = load(ks, key + 4L * d).fma(load(qs, q + 4L * d), sum);
      }
      ss.set(JAVA_FLOAT, s + 4L * j, scale * sum.reduceLanes(VectorOperators.ADD));
    }
    if (whole < headDim) {
      scoreTail(qs, q, ks, k, stride, keys, whole, headDim, scale, ss, s);
    }
  }

  /** Adds what the components from..to-1 contribute. */
  private static void scoreTail(
      MemorySegment qs,
      long q,
      MemorySegment ks,
      long k,
      long stride,
      int keys,
      int from,
      int to,
      float scale,
      MemorySegment ss,
      long s) {
    for (int j = 0; j < keys; j++) {
      float sum = 0;
      for (int d = from; d < to; d++) {
        sum += qs.get(JAVA_FLOAT, q + 4L * d) * ks.get(JAVA_FLOAT, k + j * stride + 4L * d);
      }
      ss.set(JAVA_FLOAT, s + 4L * j, ss.get(JAVA_FLOAT, s + 4L * j) + scale * sum);
    }
  }

  /**
   * {@code r[h] += sum over j of p[h, j] v[j]} for 4 heads, one after the other in r; p and r are
   * in one segment.
   */
  static void values4(
      MemorySegment rs,
      long r,
      MemorySegment vs,
      long v,
      long stride,
      int keys,
      int headDim,
      long p,
      long weightStride) {
    long head = 4L * headDim;
    int whole = headDim - headDim % COUNT;
    for (long o = 0; o < 4L * whole; o += VECTOR) {
      FloatVector a0 = load(rs, r + o);
      FloatVector a1 = load(rs, r + head + o);
      FloatVector a2 = load(rs, r + 2 * head + o);
      FloatVector a3 = load(rs, r + 3 * head + o);
      for (int j = 0; j < keys; j++) {
        FloatVector x = load(vs, v + j * stride + o);
        long at = p + 4L * j;
        a0 = x.fma(broadcast(FLOAT, rs.get(JAVA_FLOAT, at)), a0);
        a1 = x.fma(broadcast(FLOAT, rs.get(JAVA_FLOAT, at + weightStride)), a1);
        a2 = x.fma(broadcast(FLOAT, rs.get(JAVA_FLOAT, at + 2 * weightStride)), a2);
        a3 = x.fma(broadcast(FLOAT, rs.get(JAVA_FLOAT, at + 3 * weightStride)), a3);
      }
      a0.intoMemorySegment(rs, r + o, ORDER);
      a1.intoMemorySegment(rs, r + head + o, ORDER);
      a2.intoMemorySegment(rs, r + 2 * head + o, ORDER);
      a3.intoMemorySegment(rs, r + 3 * head + o, ORDER);
    }
    for (int h = 0; whole < headDim && h < 4; h++) {
      valueTail(rs, r + h * head, vs, v, stride, keys, whole, headDim, p + h * weightStride);
    }
  }

  /** The same for one head. */
  static void values1(
      MemorySegment rs,
      long r,
      MemorySegment vs,
      long v,
      long stride,
      int keys,
      int headDim,
      long p) {
    int whole = headDim - headDim % COUNT;
    for (long o = 0; o < 4L * whole; o += VECTOR) {
      FloatVector even = load(rs, r + o);
      FloatVector odd = FloatVector.zero(FLOAT);
      int j = 0;
      for (; j < keys - 1; j += 2) {
        long at = v + j * stride + o;
        even = load(vs, at).fma(broadcast(FLOAT, rs.get(JAVA_FLOAT, p + 4L * j)), even);
        odd = load(vs, at + stride).fma(broadcast(FLOAT, rs.get(JAVA_FLOAT, p + 4L * j + 4)), odd);
      }
      if (j < keys) {
        float weight = rs.get(JAVA_FLOAT, p + 4L * j);
        even = load(vs, v + j * stride + o).fma(broadcast(FLOAT, weight), even);
      }
      even.add(odd).intoMemorySegment(rs, r + o, ORDER);
    }
    if (whole < headDim) {
      valueTail(rs, r, vs, v, stride, keys, whole, headDim, p);
    }
  }

  private static void valueTail(
      MemorySegment rs,
      long r,
      MemorySegment vs,
      long v,
      long stride,
      int keys,
      int from,
      int to,
      long p) {
    for (int d = from; d < to; d++) {
      float sum = rs.get(JAVA_FLOAT, r + 4L * d);
      for (int j = 0; j < keys; j++) {
        sum += rs.get(JAVA_FLOAT, p + 4L * j) * vs.get(JAVA_FLOAT, v + j * stride + 4L * d);
      }
      rs.set(JAVA_FLOAT, r + 4L * d, sum);
    }
  }

  /** {@code s = cap * tanh(s / cap)}. */
  static void softCap(MemorySegment ss, long s, int count, float cap) {
    FloatVector inverse = broadcast(FLOAT, 1 / cap);
    int j = 0;
    for (; j <= count - COUNT; j += COUNT) {
      long at = s + 4L * j;
      VectorMath.tanh(load(ss, at).mul(inverse)).mul(cap).intoMemorySegment(ss, at, ORDER);
    }
    for (; j < count; j++) {
      long at = s + 4L * j;
      ss.set(JAVA_FLOAT, at, (float) (cap * Math.tanh(ss.get(JAVA_FLOAT, at) / cap)));
    }
  }

  static void scale(MemorySegment rs, long r, int count, float factor) {
    combine(rs, r, rs, r, count, factor, false);
  }

  /** {@code out = factor * x}, or added to out. */
  static void combine(
      MemorySegment out, long to, MemorySegment xs, long x, int count, float factor, boolean add) {
    int d = 0;
    for (; d <= count - COUNT; d += COUNT) {
      FloatVector scaled = load(xs, x + 4L * d).mul(factor);
      FloatVector sum = add ? scaled.add(load(out, to + 4L * d)) : scaled;
      sum.intoMemorySegment(out, to + 4L * d, ORDER);
    }
    for (; d < count; d++) {
      float scaled = xs.get(JAVA_FLOAT, x + 4L * d) * factor;
      out.set(JAVA_FLOAT, to + 4L * d, add ? scaled + out.get(JAVA_FLOAT, to + 4L * d) : scaled);
    }
  }

  private static FloatVector load(MemorySegment segment, long at) {
    return fromMemorySegment(FLOAT, segment, at, ORDER);
  }
}
