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

  /** Threads of a block. */
  static final int THREADS = 128;

  /** Outputs that a block computes of weights that are floats, a warp of those in blocks. */
  private static final int OUTPUTS = 2;

  private static final int WIDE_OUTPUTS = 4;

  private static final int WARPS = THREADS / 32;

  /** Blocks of more outputs are used where there are so many for each multiprocessor. */
  private static final int BLOCKS_OF_A_PROCESSOR = 2;

  private final Gpu gpu;

  MatVec(Gpu gpu) {
    this.gpu = gpu;
  }

  /** The rows that a kernel takes, for so many that there are. */
  /** The kernel of that name for so many rows: there are some for 1, 2, 4 and 8. */
  private Launch kernel(String name, DType type, int rows) {
    int compiled = rows <= 2 ? rows : rows <= 4 ? 4 : 8;
    return gpu.matvec(compiled == 1 ? name : name + compiled, type, compiled);
  }

  /**
   * out = x w^T + bias, at most {@link #ROWS} rows.
   *
   * @param add whether out is added to
   */
  void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias, boolean add) {
    boolean wide = isWide(x.rows(), w.dtype(), w.dim(0));
    Launch launch = begin(x, w.dtype(), wide, add);
    layer(launch, out, w, bias);
    finish(launch, 1, Math.ceilDiv(w.dim(0), outputsOfABlock(w.dtype(), wide)));
  }

  /** Layers whose weights are of one type. */
  void linears(Tensor[] outs, Tensor x, Tensor[] ws, @Nullable Tensor[] biases) {
    int all = 0;
    for (Tensor w : ws) {
      all += w.dim(0);
    }
    DType type = ws[0].dtype();
    boolean wide = isWide(x.rows(), type, all);
    int outputs = outputsOfABlock(type, wide);
    Launch launch = begin(x, type, wide, false);
    int blocks = 0;
    for (int i = 0; i < ws.length; i++) {
      layer(launch, outs[i], ws[i], biases[i]);
      blocks += Math.ceilDiv(ws[i].dim(0), outputs);
    }
    finish(launch, ws.length, blocks);
  }

  private boolean isWide(int rows, DType type, int outputs) {
    int most = BLOCKS_OF_A_PROCESSOR * gpu.device().processors();
    return rows == 1 && outputs >= outputsOfABlock(type, true) * most;
  }

  private static int outputsOfABlock(DType type, boolean wide) {
    return (wide ? WIDE_OUTPUTS : OUTPUTS) * (type.isQuantized() ? WARPS : 1);
  }

  /** Outputs of weights of experts that a block computes. */
  static int expertOutputs(DType type) {
    return outputsOfABlock(type, false);
  }

  private Launch begin(Tensor x, DType type, boolean wide, boolean add) {
    return kernel(wide ? "matvec_wide" : "matvec", type, x.rows())
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
    int outputs = gate.dtype().isQuantized() ? outputsOfABlock(gate.dtype(), false) : 1;
    kernel("gated_matvec", gate.dtype(), x.rows())
        .tensors(out, x, gate, up, gateBias, upBias)
        .ints(x.rows(), x.columns(), gate.dim(0), activation.ordinal())
        .start(Math.ceilDiv(gate.dim(0), outputs), 1, 1, THREADS);
  }
}
