package jllm.tensor.cuda;

import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Products of few rows, with kernels that read each weight once, as it is stored. */
final class MatVec {
  /** The most rows. */
  static final int ROWS = 8;

  /** The most layers in one launch. */
  static final int LAYERS = 3;

  /** Threads of a block, and the outputs that it computes. */
  static final int THREADS = 128;

  static final int OUTPUTS = 2;

  private static final int WIDE_OUTPUTS = 4;

  /** Blocks of more outputs are used where there are so many for each multiprocessor. */
  private static final int BLOCKS_OF_A_PROCESSOR = 2;

  private final Gpu gpu;

  MatVec(Gpu gpu) {
    this.gpu = gpu;
  }

  /** The rows that a kernel takes, for so many that there are. */
  private static String suffix(int rows) {
    return rows == 1 ? "" : rows == 2 ? "2" : rows <= 4 ? "4" : "8";
  }

  /**
   * out = x w^T + bias, at most {@link #ROWS} rows.
   *
   * @param add whether out is added to
   */
  void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias, boolean add) {
    int blocks = Math.ceilDiv(w.dim(0), outputsOfABlock(x.rows(), w.dim(0)));
    Launch launch = begin(x, w.dtype(), w.dim(0), add);
    layer(launch, out, w, bias);
    finish(launch, 1, blocks);
  }

  /** Layers whose weights are of one type. */
  void linears(Tensor[] outs, Tensor x, Tensor[] ws, @Nullable Tensor[] biases) {
    int all = 0;
    for (Tensor w : ws) {
      all += w.dim(0);
    }
    int outputs = outputsOfABlock(x.rows(), all);
    Launch launch = begin(x, ws[0].dtype(), all, false);
    int blocks = 0;
    for (int i = 0; i < ws.length; i++) {
      layer(launch, outs[i], ws[i], biases[i]);
      blocks += Math.ceilDiv(ws[i].dim(0), outputs);
    }
    finish(launch, ws.length, blocks);
  }

  private int outputsOfABlock(int rows, int outputs) {
    boolean wide =
        rows == 1 && outputs >= WIDE_OUTPUTS * BLOCKS_OF_A_PROCESSOR * gpu.device().processors();
    return wide ? WIDE_OUTPUTS : OUTPUTS;
  }

  private Launch begin(Tensor x, DType type, int outputs, boolean add) {
    String name =
        outputsOfABlock(x.rows(), outputs) == WIDE_OUTPUTS
            ? "matvec_wide"
            : "matvec" + suffix(x.rows());
    return gpu.kernel(KernelSource.MATVEC, name, type)
        .tensors(x)
        .ints(x.rows(), x.columns(), add ? 1 : 0);
  }

  private static void layer(Launch launch, Tensor out, Tensor w, @Nullable Tensor bias) {
    launch.tensors(out, w, bias).ints(w.dim(0));
  }

  private static void finish(Launch launch, int layers, int blocks) {
    for (int i = layers; i < LAYERS; i++) {
      launch.longs(0, 0, 0).ints(0);
    }
    launch.start(blocks, 1, 1, THREADS);
  }

  /** Both weights are of one type. */
  void gated(
      Tensor out,
      Tensor x,
      Tensor gate,
      @Nullable Tensor gateBias,
      Tensor up,
      @Nullable Tensor upBias,
      Activation activation) {
    gpu.kernel(KernelSource.MATVEC, "gated_matvec" + suffix(x.rows()), gate.dtype())
        .tensors(out, x, gate, up, gateBias, upBias)
        .ints(x.rows(), x.columns(), gate.dim(0), activation.ordinal())
        .start(gate.dim(0), 1, 1, THREADS);
  }
}
