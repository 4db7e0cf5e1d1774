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
import org.jspecify.annotations.Nullable;

/**
 * Root mean square norm and layer norm of rows. Sums are kept in 4 vectors of float32, so that even
 * with 128 bits a row of 8192 is the sum of 16 partial sums of 512 terms.
 */
final class Norms implements Workers.Task {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 15;

  private final Workers workers;

  private boolean centered;
  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private @Nullable MemorySegment weight;
  private @Nullable MemorySegment bias;
  private float eps;
  private int rows;
  private int columns;

  Norms(Workers workers) {
    this.workers = workers;
  }

  void rms(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    centered = false;
    run(out, x, weight, null, eps);
  }

  void layer(Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    centered = true;
    run(out, x, weight, bias, eps);
  }

  private void run(
      Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    this.out = out.segment();
    this.x = x.segment();
    this.weight = weight == null ? null : weight.segment();
    this.bias = bias == null ? null : bias.segment();
    this.eps = eps;
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
      float mean = centered ? sum(x, at, columns) / columns : 0;
      float variance = squares(x, at, columns, mean) / columns;
      float inverse = (float) (1 / Math.sqrt((double) variance + eps));
      scale(out, x, at, columns, mean, inverse);
      if (weight != null) {
        multiply(out, at, weight, columns);
      }
      if (bias != null) {
        add(out, at, bias, columns);
      }
    }
  }

  private static float sum(MemorySegment x, long at, int count) {
    FloatVector s0 = FloatVector.zero(FLOAT);
    FloatVector s1 = s0;
    int i = 0;
    for (; i <= count - 2 * COUNT; i += 2 * COUNT) {
      s0 = s0.add(load(x, at + 4L * i));
      s1 = s1.add(load(x, at + 4L * (i + COUNT)));
    }
    float sum = s0.add(s1).reduceLanes(VectorOperators.ADD);
    for (; i < count; i++) {
      sum += x.get(JAVA_FLOAT, at + 4L * i);
    }
    return sum;
  }

  /** {@code sum of (x - mean)^2}. */
  private static float squares(MemorySegment x, long at, int count, float mean) {
    FloatVector s0 = FloatVector.zero(FLOAT);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector m = broadcast(FLOAT, mean);
    int i = 0;
    for (; i <= count - 4 * COUNT; i += 4 * COUNT) {
      long o = at + 4L * i;
      FloatVector v0 = load(x, o).sub(m);
      FloatVector v1 = load(x, o + 4L * COUNT).sub(m);
      FloatVector v2 = load(x, o + 8L * COUNT).sub(m);
      FloatVector v3 = load(x, o + 12L * COUNT).sub(m);
      s0 = v0.fma(v0, s0);
      s1 = v1.fma(v1, s1);
      s2 = v2.fma(v2, s2);
      s3 = v3.fma(v3, s3);
    }
    float sum = s0.add(s1).add(s2.add(s3)).reduceLanes(VectorOperators.ADD);
    for (; i < count; i++) {
      float value = x.get(JAVA_FLOAT, at + 4L * i) - mean;
      sum += value * value;
    }
    return sum;
  }

  private static void scale(
      MemorySegment out, MemorySegment x, long at, int count, float mean, float factor) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      load(x, o).sub(mean).mul(factor).intoMemorySegment(out, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      out.set(JAVA_FLOAT, o, (x.get(JAVA_FLOAT, o) - mean) * factor);
    }
  }

  private static void multiply(MemorySegment row, long at, MemorySegment weight, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      load(row, o).mul(load(weight, 4L * i)).intoMemorySegment(row, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      row.set(JAVA_FLOAT, o, row.get(JAVA_FLOAT, o) * weight.get(JAVA_FLOAT, 4L * i));
    }
  }

  private static void add(MemorySegment row, long at, MemorySegment bias, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      load(row, o).add(load(bias, 4L * i)).intoMemorySegment(row, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      row.set(JAVA_FLOAT, o, row.get(JAVA_FLOAT, o) + bias.get(JAVA_FLOAT, 4L * i));
    }
  }

  private static FloatVector load(MemorySegment segment, long at) {
    return fromMemorySegment(FLOAT, segment, at, ORDER);
  }
}
