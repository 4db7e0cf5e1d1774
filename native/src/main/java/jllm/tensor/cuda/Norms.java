package jllm.tensor.cuda;

import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Norms of rows, of sums as well, and their derivatives. */
final class Norms {
  /**
   * The shared memory that is used for rows: what a kernel has without asking for more, but for
   * what reductions over a block take.
   */
  private static final int ROW_BYTES = (48 << 10) - 512;

  private static final int ROWS_OF_A_PART = 8;
  private static final int MOST_PARTS = 1024;

  /** Floats that are read at once. */
  private static final int UNIT = 4;

  private final Gpu gpu;
  private final ColumnSums columns;

  Norms(Gpu gpu) {
    this.gpu = gpu;
    this.columns = new ColumnSums(gpu);
  }

  void rms(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    gpu.kernel(KernelSource.NORMS, CudaBackend.named("rms_norm", out))
        .tensors(out, x, weight)
        .ints(x.columns())
        .floats(eps)
        .eachRow(x.rows(), x.columns());
  }

  void layer(Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    gpu.kernel(KernelSource.NORMS, CudaBackend.named("layer_norm", out))
        .tensors(out, x, weight, bias)
        .ints(x.columns())
        .floats(eps)
        .eachRow(x.rows(), x.columns());
  }

  /** sum = a + b, and its norm. */
  void addRms(Tensor sum, Tensor out, Tensor a, Tensor b, @Nullable Tensor weight, float eps) {
    ofSum(
        gpu.kernel(KernelSource.NORMS, CudaBackend.named("add_rms_norm", out))
            .tensors(sum, out, a, b, weight),
        sum,
        eps);
  }

  void addLayer(
      Tensor sum,
      Tensor out,
      Tensor a,
      Tensor b,
      @Nullable Tensor weight,
      @Nullable Tensor bias,
      float eps) {
    ofSum(
        gpu.kernel(KernelSource.NORMS, CudaBackend.named("add_layer_norm", out))
            .tensors(sum, out, a, b, weight, bias),
        sum,
        eps);
  }

  private static void ofSum(Launch launch, Tensor sum, float eps) {
    int bytes = sum.columns() * Float.BYTES;
    boolean kept = bytes <= ROW_BYTES;
    launch
        .ints(sum.columns())
        .floats(eps)
        .ints(kept ? 1 : 0)
        .eachRow(sum.rows(), sum.columns(), kept ? bytes : 0);
  }

  /**
   * See {@link jllm.tensor.TrainingKernels#rmsNormBackward}.
   *
   * @param add whether dx is added to, not overwritten
   */
  void rmsBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps,
      boolean add) {
    try (Scratch scratch = new Scratch(gpu)) {
      int width = x.columns();
      boolean fits = width * Float.BYTES <= ROW_BYTES;
      boolean together = dweight != null && fits;
      boolean later = dweight != null && !fits;
      int parts = together ? parts(x) : x.rows();
      long partials = together ? scratch.floats((long) parts * width) : 0;
      long stats = later ? scratch.floats(x.rows()) : 0;
      gpu.kernel(KernelSource.NORMS, "rms_norm_backward")
          .tensors(dx)
          .longs(stats, partials)
          .tensors(dout, x, weight)
          .ints(x.rows(), width)
          .floats(eps)
          .ints(add ? 1 : 0)
          .eachRow(parts, width, together ? width * Float.BYTES : 0);
      if (dweight != null && fits) {
        columns.finish(dweight, partials, parts, width);
      } else if (dweight != null) {
        columns.addRmsNorm(dweight, dout, x, stats);
      }
    }
  }

  /** Blocks that share the rows out among themselves. */
  private static int parts(Tensor x) {
    return Math.clamp(Math.ceilDiv(x.rows(), ROWS_OF_A_PART), 1, MOST_PARTS);
  }

  /** See {@link jllm.tensor.TrainingKernels#layerNormBackward}. */
  void layerBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps,
      boolean add) {
    try (Scratch scratch = new Scratch(gpu)) {
      int width = x.columns();
      int row = Math.ceilDiv(width, UNIT) * UNIT * Float.BYTES;
      int bytes = (dweight == null ? 0 : row) + (dbias == null ? 0 : row);
      boolean together = bytes > 0 && bytes <= ROW_BYTES;
      boolean later = bytes > ROW_BYTES;
      int parts = together ? parts(x) : x.rows();
      long sums = (long) parts * width;
      long ofWeight = together && dweight != null ? scratch.floats(sums) : 0;
      long ofBias = together && dbias != null ? scratch.floats(sums) : 0;
      long stats = later ? scratch.floats(2L * x.rows()) : 0;
      gpu.kernel(KernelSource.NORMS, "layer_norm_backward")
          .tensors(dx)
          .longs(stats, ofWeight, ofBias)
          .tensors(dout, x, weight)
          .ints(x.rows(), width)
          .floats(eps)
          .ints(add ? 1 : 0)
          .eachRow(parts, width, together ? bytes : 0);
      if (later) {
        columns.addLayerNorm(dweight, dbias, dout, x, stats);
      }
      if (together && dweight != null) {
        columns.finish(dweight, ofWeight, parts, width);
      }
      if (together && dbias != null) {
        columns.finish(dbias, ofBias, parts, width);
      }
    }
  }
}
