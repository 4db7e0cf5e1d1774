package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A single row times a plain F32 matrix, as when a model in training writes a text: each weight is
 * read once where it lies, which {@link MatrixProduct} would copy first.
 */
final class PlainRow implements Workers.Task {
  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 16;

  private final Workers workers;
  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private MemorySegment w = MemorySegment.NULL;
  private @Nullable MemorySegment bias;
  private int outputs;
  private int inputs;

  PlainRow(Workers workers) {
    this.workers = workers;
  }

  static boolean fits(Tensor x, Tensor w) {
    return x.rows() == 1 && w.dtype() == DType.F32;
  }

  /** {@code out = w x + bias}. */
  void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    this.out = out.segment();
    this.x = x.segment();
    this.w = w.segment();
    this.bias = bias == null ? null : bias.segment();
    outputs = w.dim(0);
    inputs = w.columns();
    if ((long) outputs * inputs < SMALL) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    MemorySegment bias = this.bias;
    int end = Workers.share(outputs, part + 1, parts);
    for (int row = Workers.share(outputs, part, parts); row < end; row++) {
      float sum = SoftmaxLoops.dot(w, 4L * row * inputs, x, 0, inputs);
      float added = bias == null ? 0 : bias.get(JAVA_FLOAT, 4L * row);
      out.set(JAVA_FLOAT, 4L * row, sum + added);
    }
  }
}
