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
import jllm.tensor.Tensor;

/** Softmax of rows: the largest element is subtracted first, so that nothing overflows. */
final class Softmax implements Workers.Task {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 13;

  private final Workers workers;

  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private int rows;
  private int columns;

  Softmax(Workers workers) {
    this.workers = workers;
  }

  void rows(Tensor out, Tensor x) {
    this.out = out.segment();
    this.x = x.segment();
    rows = x.rows();
    columns = x.columns();
    if (rows == 1 || x.shape().elements() < WORTH_SHARING) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int end = Workers.share(rows, part + 1, parts);
    for (int row = Workers.share(rows, part, parts); row < end; row++) {
      long at = 4L * row * columns;
      float sum = exponentials(out, x, at, columns, largest(x, at, columns));
      scale(out, at, columns, 1 / sum);
    }
  }

  static float largest(MemorySegment x, long at, int count) {
    FloatVector best = broadcast(FLOAT, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      best = best.max(load(x, at + 4L * i));
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
      FloatVector power = VectorMath.exp(load(x, at + 4L * i).sub(shift));
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

  private static void scale(MemorySegment out, long at, int count, float factor) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      load(out, at + 4L * i).mul(factor).intoMemorySegment(out, at + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      out.set(JAVA_FLOAT, at + 4L * i, out.get(JAVA_FLOAT, at + 4L * i) * factor);
    }
  }

  private static FloatVector load(MemorySegment segment, long at) {
    return fromMemorySegment(FLOAT, segment, at, ORDER);
  }
}
