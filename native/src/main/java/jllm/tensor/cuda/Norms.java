package jllm.tensor.cuda;

import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Norms of rows, of sums as well, and their derivatives. */
final class Norms {
  /** What a kernel has of shared memory without asking for more. */
  private static final int SHARED_BYTES = 48 << 10;

  /** Of it, what reductions over a block use. */
  private static final int REDUCTION_BYTES = 512;

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
    boolean kept = bytes <= SHARED_BYTES - REDUCTION_BYTES;
    launch
        .ints(sum.columns())
        .floats(eps)
        .ints(kept ? 1 : 0)
        .eachRow(sum.rows(), sum.columns(), kept ? bytes : 0);
  }

  void rmsBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    try (Scratch scratch = new Scratch(gpu)) {
      long stats = dweight == null ? 0 : scratch.floats(x.rows());
      gpu.kernel(KernelSource.NORMS, "rms_norm_backward")
          .tensors(dx)
          .longs(stats)
          .tensors(dout, x, weight)
          .ints(x.columns())
          .floats(eps)
          .eachRow(x.rows(), x.columns());
      if (dweight != null) {
        columns.addRmsNorm(dweight, dout, x, stats);
      }
    }
  }

  void layerBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    try (Scratch scratch = new Scratch(gpu)) {
      boolean sums = dweight != null || dbias != null;
      long stats = sums ? scratch.floats(2L * x.rows()) : 0;
      gpu.kernel(KernelSource.NORMS, "layer_norm_backward")
          .tensors(dx)
          .longs(stats)
          .tensors(dout, x, weight)
          .ints(x.columns())
          .floats(eps)
          .eachRow(x.rows(), x.columns());
      if (sums) {
        columns.addLayerNorm(dweight, dbias, dout, x, stats);
      }
    }
  }
}
