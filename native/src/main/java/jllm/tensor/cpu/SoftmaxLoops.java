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

/** The loops of {@link Softmax}, over one row. */
final class SoftmaxLoops {
  private SoftmaxLoops() {}

  static float largest(MemorySegment x, long at, int count) {
    FloatVector best = broadcast(FLOAT, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      best = best.max(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER));
    }
    float result = best.reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      result = Math.max(result, x.get(JAVA_FLOAT, at + 4L * i));
    }
    return result;
  }

  /** Writes {@code e^(x - shift)} and returns the sum. */
  static float exponentials(MemorySegment out, MemorySegment x, long at, int count, float shift) {
    FloatVector total = FloatVector.zero(FLOAT);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector power =
          VectorMath.expOfNegative(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER).sub(shift));
      power.intoMemorySegment(out, at + 4L * i, ORDER);
      total = total.add(power);
    }
    float sum = Lanes.sum(total);
    for (; i < count; i++) {
      float power = (float) Math.exp(x.get(JAVA_FLOAT, at + 4L * i) - shift);
      out.set(JAVA_FLOAT, at + 4L * i, power);
      sum += power;
    }
    return sum;
  }

  /** {@code sum of e^(x - shift)}, the sums of pieces of 4096 added in double precision. */
  static double sumOfExponentials(MemorySegment x, long at, int count, float shift) {
    double sum = 0;
    int i = 0;
    while (i <= count - COUNT) {
      int end = Math.min(count - COUNT, i + 4096);
      FloatVector total = FloatVector.zero(FLOAT);
      for (; i <= end; i += COUNT) {
        total =
            total.add(
                VectorMath.expOfNegative(
                    fromMemorySegment(FLOAT, x, at + 4L * i, ORDER).sub(shift)));
      }
      sum += Lanes.sum(total);
    }
    for (; i < count; i++) {
      sum += Math.exp((double) x.get(JAVA_FLOAT, at + 4L * i) - shift);
    }
    return sum;
  }

  /** {@code x = factor e^(x - shift)}. */
  static void scaledExponentials(MemorySegment x, long at, int count, float shift, float factor) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      VectorMath.expOfNegative(fromMemorySegment(FLOAT, x, o, ORDER).sub(shift))
          .mul(factor)
          .intoMemorySegment(x, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      x.set(JAVA_FLOAT, o, (float) (factor * Math.exp((double) x.get(JAVA_FLOAT, o) - shift)));
    }
  }

  static void clear(MemorySegment x, long at, int count) {
    FloatVector zero = FloatVector.zero(FLOAT);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      zero.intoMemorySegment(x, at + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      x.set(JAVA_FLOAT, at + 4L * i, 0);
    }
  }

  /** {@code sum of a * b}. */
  static float dot(MemorySegment as, long a, MemorySegment bs, long b, int count) {
    FloatVector s0 = FloatVector.zero(FLOAT);
    FloatVector s1 = s0;
    int i = 0;
    for (; i <= count - 2 * COUNT; i += 2 * COUNT) {
      s0 =
          fromMemorySegment(FLOAT, as, a + 4L * i, ORDER)
              .fma(fromMemorySegment(FLOAT, bs, b + 4L * i, ORDER), s0);
      s1 =
          fromMemorySegment(FLOAT, as, a + 4L * (i + COUNT), ORDER)
              .fma(fromMemorySegment(FLOAT, bs, b + 4L * (i + COUNT), ORDER), s1);
    }
    float sum = Lanes.sum(s0.add(s1));
    for (; i < count; i++) {
      sum += as.get(JAVA_FLOAT, a + 4L * i) * bs.get(JAVA_FLOAT, b + 4L * i);
    }
    return sum;
  }

  /** {@code dx += out * (dout - mean)}. */
  static void backward(
      MemorySegment dx, MemorySegment dout, MemorySegment out, long at, int count, float mean) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, dout, o, ORDER)
          .sub(mean)
          .fma(fromMemorySegment(FLOAT, out, o, ORDER), fromMemorySegment(FLOAT, dx, o, ORDER))
          .intoMemorySegment(dx, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      float slope = out.get(JAVA_FLOAT, o) * (dout.get(JAVA_FLOAT, o) - mean);
      dx.set(JAVA_FLOAT, o, dx.get(JAVA_FLOAT, o) + slope);
    }
  }

  static void scale(MemorySegment out, long at, int count, float factor) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      fromMemorySegment(FLOAT, out, at + 4L * i, ORDER)
          .mul(factor)
          .intoMemorySegment(out, at + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      out.set(JAVA_FLOAT, at + 4L * i, out.get(JAVA_FLOAT, at + 4L * i) * factor);
    }
  }
}
