package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Adds rows up: all of them to one, the derivative of a bias, or each to the row of a table that it
 * came from. Threads share the columns, so that the order of the sum is that of the rows whatever
 * their number.
 */
final class RowSums implements Workers.Task {
  /** Columns are shared by whole cache lines. */
  private static final int LINE = 16;

  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 14;

  private final Workers workers;

  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private @Nullable MemorySegment ids;
  private int rows;
  private int columns;

  RowSums(Workers workers) {
    this.workers = workers;
  }

  /** {@code out += sum over n of x[n]}. */
  void add(Tensor out, Tensor x) {
    ids = null;
    run(out, x);
  }

  /** {@code out[ids[n]] += x[n]}. */
  void scatter(Tensor out, Tensor x, Tensor ids) {
    this.ids = ids.segment();
    run(out, x);
  }

  private void run(Tensor out, Tensor x) {
    this.out = out.segment();
    this.x = x.segment();
    rows = x.rows();
    columns = x.columns();
    if (x.shape().elements() < WORTH_SHARING) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int lines = (columns + LINE - 1) / LINE;
    int from = Workers.share(lines, part, parts) * LINE;
    int count = Math.min(columns, Workers.share(lines, part + 1, parts) * LINE) - from;
    if (count <= 0) {
      return;
    }
    MemorySegment ids = this.ids;
    for (int n = 0; n < rows; n++) {
      long row = ids == null ? 0 : ids.get(JAVA_INT, 4L * n);
      long at = 4 * ((long) n * columns + from);
      RowLoops.combine(out, 4 * (row * columns + from), x, at, count, 1, true);
    }
  }
}
