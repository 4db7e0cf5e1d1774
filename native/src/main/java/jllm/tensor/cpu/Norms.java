package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
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
      float mean = centered ? NormLoops.sum(x, at, columns) / columns : 0;
      float variance = NormLoops.squares(x, at, columns, mean) / columns;
      float inverse = (float) (1 / Math.sqrt((double) variance + eps));
      NormLoops.scale(out, x, at, columns, mean, inverse);
      if (weight != null) {
        NormLoops.multiply(out, at, weight, columns);
      }
      if (bias != null) {
        NormLoops.add(out, at, bias, columns);
      }
    }
  }
}
