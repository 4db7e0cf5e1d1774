package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The loops of {@link Norms}, over one row. */
final class NormLoops {
  private NormLoops() {}

  static float sum(MemorySegment x, long at, int count) {
    FloatVector s0 = FloatVector.zero(FLOAT);
    FloatVector s1 = s0;
    int i = 0;
    for (; i <= count - 2 * COUNT; i += 2 * COUNT) {
      s0 = s0.add(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER));
      s1 = s1.add(fromMemorySegment(FLOAT, x, at + 4L * (i + COUNT), ORDER));
    }
    float sum = Lanes.sum(s0.add(s1));
    for (; i < count; i++) {
      sum += x.get(JAVA_FLOAT, at + 4L * i);
    }
    return sum;
  }

  /** {@code sum of (x - mean)^2}. */
  static float squares(MemorySegment x, long at, int count, float mean) {
    FloatVector s0 = FloatVector.zero(FLOAT);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector m = broadcast(FLOAT, mean);
    int i = 0;
    for (; i <= count - 4 * COUNT; i += 4 * COUNT) {
      long o = at + 4L * i;
      FloatVector v0 = fromMemorySegment(FLOAT, x, o, ORDER).sub(m);
      FloatVector v1 = fromMemorySegment(FLOAT, x, o + 4L * COUNT, ORDER).sub(m);
      FloatVector v2 = fromMemorySegment(FLOAT, x, o + 8L * COUNT, ORDER).sub(m);
      FloatVector v3 = fromMemorySegment(FLOAT, x, o + 12L * COUNT, ORDER).sub(m);
      s0 = v0.fma(v0, s0);
      s1 = v1.fma(v1, s1);
      s2 = v2.fma(v2, s2);
      s3 = v3.fma(v3, s3);
    }
    float sum = Lanes.sum(s0.add(s1).add(s2.add(s3)));
    for (; i < count; i++) {
      float value = x.get(JAVA_FLOAT, at + 4L * i) - mean;
      sum += value * value;
    }
    return sum;
  }

  static void scale(
      MemorySegment out, MemorySegment x, long at, int count, float mean, float factor) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, x, o, ORDER).sub(mean).mul(factor).intoMemorySegment(out, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      out.set(JAVA_FLOAT, o, (x.get(JAVA_FLOAT, o) - mean) * factor);
    }
  }

  static void multiply(MemorySegment row, long at, MemorySegment weight, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, row, o, ORDER)
          .mul(fromMemorySegment(FLOAT, weight, 4L * i, ORDER))
          .intoMemorySegment(row, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      row.set(JAVA_FLOAT, o, row.get(JAVA_FLOAT, o) * weight.get(JAVA_FLOAT, 4L * i));
    }
  }

  static void add(MemorySegment row, long at, MemorySegment bias, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, row, o, ORDER)
          .add(fromMemorySegment(FLOAT, bias, 4L * i, ORDER))
          .intoMemorySegment(row, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      row.set(JAVA_FLOAT, o, row.get(JAVA_FLOAT, o) + bias.get(JAVA_FLOAT, 4L * i));
    }
  }
}
