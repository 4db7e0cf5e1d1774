package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Softmax of rows: the largest element is subtracted first, so that nothing overflows. */
final class Softmax implements Workers.Task {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 13;

  private final Workers workers;

  /** The derivative of the input, if it is wanted and not the result. */
  private @Nullable MemorySegment dx;

  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private int rows;
  private int columns;

  Softmax(Workers workers) {
    this.workers = workers;
  }

  void rows(Tensor out, Tensor x) {
    run(null, out, x);
  }

  /** {@code dx += out * (dout - sum(dout * out))}. */
  void backward(Tensor dx, Tensor dout, Tensor out) {
    run(dx, out, dout);
  }

  private void run(@Nullable Tensor dx, Tensor out, Tensor x) {
    this.dx = dx == null ? null : dx.segment();
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
      if (dx != null) {
        float mean = SoftmaxLoops.dot(x, at, out, at, columns);
        SoftmaxLoops.backward(dx, x, out, at, columns, mean);
        continue;
      }
      float sum =
          SoftmaxLoops.exponentials(out, x, at, columns, SoftmaxLoops.largest(x, at, columns));
      SoftmaxLoops.scale(out, at, columns, 1 / sum);
    }
  }
}
