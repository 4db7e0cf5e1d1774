package jllm.tensor.cuda;

import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Sums over the rows of a tensor, in two stages: groups of rows into partial sums, these into the
 * result. The order depends on the shape alone.
 */
final class ColumnSums {
  private static final int ROWS_OF_A_PART = 64;
  private static final int MOST_PARTS = 128;
  private static final int TILE = 32;
  private static final int TILE_ROWS = 8;

  private final Gpu gpu;

  ColumnSums(Gpu gpu) {
    this.gpu = gpu;
  }

  /** {@code out[c] += sum over n of x[n, c]}. x F32 or BF16. */
  void add(Tensor out, Tensor x) {
    String kernel = x.dtype() == DType.BF16 ? "column_partials_of_bf16" : "column_partials";
    try (Scratch scratch = new Scratch(gpu)) {
      long partials = partials(scratch, x);
      start(gpu.kernel(KernelSource.NORMS, kernel).longs(partials).tensors(x), x);
      finish(out, partials, x);
    }
  }

  /**
   * As {@link #add}, and rounds x to BF16 on the way.
   *
   * @param rounded address of rows of {@code stride} elements
   */
  void addRounded(Tensor out, Tensor x, long rounded, int stride) {
    try (Scratch scratch = new Scratch(gpu)) {
      long partials = partials(scratch, x);
      gpu.kernel(KernelSource.NORMS, "column_partials_bf16")
          .longs(partials, rounded)
          .tensors(x)
          .ints(x.rows(), x.columns(), stride)
          .start(Math.ceilDiv(x.columns(), TILE), parts(x), 1, TILE, TILE_ROWS, 0);
      finish(out, partials, x);
    }
  }

  /** {@code dweight[c] += sum over n of dout[n, c] x[n, c] stats[n]}. */
  void addRmsNorm(Tensor dweight, Tensor dout, Tensor x, long stats) {
    try (Scratch scratch = new Scratch(gpu)) {
      long partials = partials(scratch, x);
      start(
          gpu.kernel(KernelSource.NORMS, "rms_norm_partials")
              .longs(partials)
              .tensors(dout, x)
              .longs(stats),
          x);
      finish(dweight, partials, x);
    }
  }

  /**
   * As {@link #addRmsNorm}, with the normed x; and {@code dbias[c] += sum over n of dout[n, c]}.
   */
  void addLayerNorm(
      @Nullable Tensor dweight, @Nullable Tensor dbias, Tensor dout, Tensor x, long stats) {
    try (Scratch scratch = new Scratch(gpu)) {
      long ofWeight = dweight == null ? 0 : partials(scratch, x);
      long ofBias = dbias == null ? 0 : partials(scratch, x);
      start(
          gpu.kernel(KernelSource.NORMS, "layer_norm_partials")
              .longs(ofWeight, ofBias)
              .tensors(dout, x)
              .longs(stats),
          x);
      if (dweight != null) {
        finish(dweight, ofWeight, x);
      }
      if (dbias != null) {
        finish(dbias, ofBias, x);
      }
    }
  }

  private static int parts(Tensor x) {
    return Math.clamp(Math.ceilDiv(x.rows(), ROWS_OF_A_PART), 1, MOST_PARTS);
  }

  private static long partials(Scratch scratch, Tensor x) {
    return scratch.floats((long) parts(x) * x.columns());
  }

  private static void start(Launch launch, Tensor x) {
    launch
        .ints(x.rows(), x.columns())
        .start(Math.ceilDiv(x.columns(), TILE), parts(x), 1, TILE, TILE_ROWS, 0);
  }

  private void finish(Tensor out, long partials, Tensor x) {
    finish(out, partials, parts(x), x.columns());
  }

  /**
   * {@code out[c] += } the sum of a column of partial sums.
   *
   * @param partials address of [parts, columns]
   */
  void finish(Tensor out, long partials, int parts, int columns) {
    gpu.kernel(KernelSource.NORMS, "add_partials")
        .tensors(out)
        .longs(partials)
        .ints(parts, columns)
        .start(Math.ceilDiv(columns, TILE), 1, 1, TILE, TILE, 0);
  }
}
