package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Dropout;
import jllm.tensor.Tensor;

/** Sets elements to zero as {@link Dropout} says, forward and backward. */
final class Dropouts implements Workers.Task {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 13;

  private final Workers workers;

  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private Dropout dropout = new Dropout(0, 0);
  private boolean add;
  private int rows;
  private int columns;

  Dropouts(Workers workers) {
    this.workers = workers;
  }

  void forward(Tensor out, Tensor x, Dropout dropout) {
    add = false;
    run(out, x, dropout);
  }

  void backward(Tensor dx, Tensor dout, Dropout dropout) {
    add = true;
    run(dx, dout, dropout);
  }

  private void run(Tensor out, Tensor x, Dropout dropout) {
    this.out = out.segment();
    this.x = x.segment();
    this.dropout = dropout;
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
      int key = dropout.rowKey(row);
      if (add) {
        DropoutLoops.add(out, x, at, columns, key, dropout.threshold(), dropout.scale());
      } else {
        DropoutLoops.write(out, x, at, columns, key, dropout.threshold(), dropout.scale());
      }
    }
  }
}
