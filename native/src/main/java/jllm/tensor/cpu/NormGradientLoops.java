package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The loops of {@link NormGradients}, over one row, with {@code z = (x - mean) * inverse}. */
final class NormGradientLoops {
  private NormGradientLoops() {}

  /** {@code sum of dout * weight}. */
  static float sum(MemorySegment dout, long at, MemorySegment weight, int count) {
    FloatVector total = FloatVector.zero(FLOAT);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      total =
          fromMemorySegment(FLOAT, dout, at + 4L * i, ORDER)
              .fma(fromMemorySegment(FLOAT, weight, 4L * i, ORDER), total);
    }
    float sum = Lanes.sum(total);
    for (; i < count; i++) {
      sum += dout.get(JAVA_FLOAT, at + 4L * i) * weight.get(JAVA_FLOAT, 4L * i);
    }
    return sum;
  }

  /** {@code sum of dout * weight * z}. */
  static float sumWithInput(
      MemorySegment dout,
      MemorySegment x,
      long at,
      MemorySegment weight,
      int count,
      float mean,
      float inverse) {
    FloatVector total = FloatVector.zero(FLOAT);
    FloatVector m = broadcast(FLOAT, mean);
    FloatVector r = broadcast(FLOAT, inverse);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector z = fromMemorySegment(FLOAT, x, at + 4L * i, ORDER).sub(m).mul(r);
      total =
          fromMemorySegment(FLOAT, dout, at + 4L * i, ORDER)
              .mul(fromMemorySegment(FLOAT, weight, 4L * i, ORDER))
              .fma(z, total);
    }
    float sum = Lanes.sum(total);
    for (; i < count; i++) {
      float z = (x.get(JAVA_FLOAT, at + 4L * i) - mean) * inverse;
      sum += dout.get(JAVA_FLOAT, at + 4L * i) * weight.get(JAVA_FLOAT, 4L * i) * z;
    }
    return sum;
  }

  /** {@code dx += inverse * (dout * weight - shift - z * slope)}. */
  static void input(
      MemorySegment dx,
      MemorySegment dout,
      MemorySegment x,
      long at,
      MemorySegment weight,
      int count,
      float mean,
      float inverse,
      float shift,
      float slope) {
    FloatVector m = broadcast(FLOAT, mean);
    FloatVector r = broadcast(FLOAT, inverse);
    FloatVector a = broadcast(FLOAT, shift);
    FloatVector b = broadcast(FLOAT, -slope);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      FloatVector z = fromMemorySegment(FLOAT, x, o, ORDER).sub(m).mul(r);
      FloatVector g =
          fromMemorySegment(FLOAT, dout, o, ORDER)
              .mul(fromMemorySegment(FLOAT, weight, 4L * i, ORDER));
      z.fma(b, g.sub(a))
          .fma(r, fromMemorySegment(FLOAT, dx, o, ORDER))
          .intoMemorySegment(dx, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      float z = (x.get(JAVA_FLOAT, o) - mean) * inverse;
      float g = dout.get(JAVA_FLOAT, o) * weight.get(JAVA_FLOAT, 4L * i);
      dx.set(JAVA_FLOAT, o, dx.get(JAVA_FLOAT, o) + inverse * (g - shift - z * slope));
    }
  }

  /** {@code sums += dout * z}. */
  static void weight(
      MemorySegment work,
      long sums,
      MemorySegment dout,
      MemorySegment x,
      long at,
      int count,
      float mean,
      float inverse) {
    FloatVector m = broadcast(FLOAT, mean);
    FloatVector r = broadcast(FLOAT, inverse);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector z = fromMemorySegment(FLOAT, x, at + 4L * i, ORDER).sub(m).mul(r);
      fromMemorySegment(FLOAT, dout, at + 4L * i, ORDER)
          .fma(z, fromMemorySegment(FLOAT, work, sums + 4L * i, ORDER))
          .intoMemorySegment(work, sums + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      float z = (x.get(JAVA_FLOAT, at + 4L * i) - mean) * inverse;
      long to = sums + 4L * i;
      work.set(JAVA_FLOAT, to, work.get(JAVA_FLOAT, to) + dout.get(JAVA_FLOAT, at + 4L * i) * z);
    }
  }
}
