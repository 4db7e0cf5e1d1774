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
    float sum = total.reduceLanes(VectorOperators.ADD);
    for (; i < count; i++) {
      float power = (float) Math.exp(x.get(JAVA_FLOAT, at + 4L * i) - shift);
      out.set(JAVA_FLOAT, at + 4L * i, power);
      sum += power;
    }
    return sum;
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
