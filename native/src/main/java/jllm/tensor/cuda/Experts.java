package jllm.tensor.cuda;

import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Products with the weights of experts: on tensor cores where operands may be rounded, or with
 * kernels for all that these do not take.
 */
final class Experts {
  private static final int THREADS = 128;
  private static final int TILE = 64;
  private static final int TILE_THREADS = 256;
  private static final int INPUTS = 1024;
  private static final int WEIGHT_TILE = 32;
  private static final int WEIGHT_THREADS = 256;

  /** Rows for each expert, on average, from which on they are multiplied together. */
  private static final int ROWS_OF_AN_EXPERT = 4;

  /** What the second dimension of a grid can have; these kernels walk on from there. */
  private static final int MOST_GRID_ROWS = 65_535;

  private final Gpu gpu;

  /** Absent where operands are not rounded. */
  private final @Nullable TunedExperts tuned;

  /** Says whether tensor cores can be trusted; absent = they are. */
  private final @Nullable ExpertCheck check;

  Experts(Gpu gpu, @Nullable TunedExperts tuned, @Nullable ExpertCheck check) {
    this.gpu = gpu;
    this.tuned = tuned;
    this.check = check;
  }

  /** On tensor cores if operands may be rounded and the device computes right with them. */
  static Experts of(Gpu gpu, Products products, MatrixMath math) {
    return math == MatrixMath.BF16
        ? new Experts(gpu, new TunedExperts(gpu, products), new ExpertCheck(gpu, products))
        : new Experts(gpu, null, null);
  }

  /** Whether rows are so many that those of an expert are multiplied together. */
  private static boolean many(int rows, int experts) {
    return rows >= ROWS_OF_AN_EXPERT * experts;
  }

  /** Whether these rows go to tensor cores, or else to the general kernels. */
  private @Nullable TunedExperts tuned(ExpertCheck.Direction direction, int rows, Tensor w) {
    return tuned != null
            && many(rows, w.dim(0))
            && TunedExperts.takes(direction, w)
            && (check == null
                || check.trusts(direction, w.dtype(), TunedExperts.tile(direction, rows, w)))
        ? tuned
        : null;
  }

  /** out [N*U, O], w [E, O, I], experts I32 [N, U]; x [N, I] or [N*U, I]. */
  void forward(Tensor out, Tensor x, Tensor w, Tensor experts) {
    int rows = out.rows();
    TunedExperts fast = tuned(ExpertCheck.Direction.FORWARD, rows, w);
    try (Scratch scratch = new Scratch(gpu)) {
      long chosen = scratch.ids(experts);
      if (fast != null) {
        fast.forward(out, x, w, chosen, scratch);
      } else if (many(rows, w.dim(0))) {
        tiles(out, x, w, chosen, scratch);
      } else {
        gpu.matvec("expert_linear", w.dtype(), 0)
            .tensors(out, x, w)
            .longs(chosen)
            .ints(rows, rows / x.rows(), x.columns(), w.dim(1))
            .start(
                Math.ceilDiv(w.dim(1), MatVec.expertOutputs(w.dtype())),
                Math.min(rows, MOST_GRID_ROWS),
                1,
                THREADS);
      }
    }
  }

  /** Rows are sorted by their experts, each of which then reads its weight once for many. */
  private void tiles(Tensor out, Tensor x, Tensor w, long chosen, Scratch scratch) {
    int rows = out.rows();
    ExpertGroups groups = ExpertGroups.of(gpu, chosen, rows, w.dim(0), TILE, scratch);
    gpu.kernel(KernelSource.EXPERT_TILES, "expert_tiles", w.dtype())
        .tensors(out, x, w)
        .longs(groups.order(), groups.tiles())
        .ints(rows / x.rows(), x.columns(), w.dim(1))
        .start(Math.ceilDiv(w.dim(1), TILE), groups.tileCount(), 1, TILE_THREADS);
  }

  /** See {@link jllm.tensor.TrainingKernels#expertLinearBackwardInput}. */
  void inputGradient(Tensor dx, Tensor dout, Tensor w, Tensor experts) {
    TunedExperts fast = tuned(ExpertCheck.Direction.INPUTS, dout.rows(), w);
    try (Scratch scratch = new Scratch(gpu)) {
      long chosen = scratch.ids(experts);
      if (fast != null) {
        fast.inputGradient(dx, dout, w, chosen, scratch);
        return;
      }
      gpu.matvec("expert_input", w.dtype(), 0)
          .tensors(dx, dout, w)
          .longs(chosen)
          .ints(dx.rows(), dout.rows() / dx.rows(), dx.columns(), w.dim(1))
          .start(
              Math.ceilDiv(dx.columns(), INPUTS), Math.min(dx.rows(), MOST_GRID_ROWS), 1, THREADS);
    }
  }

  /** See {@link jllm.tensor.TrainingKernels#expertLinearBackwardWeight}. */
  void weightGradient(Tensor dw, Tensor dout, Tensor x, Tensor experts) {
    TunedExperts fast = tuned(ExpertCheck.Direction.WEIGHTS, dout.rows(), dw);
    try (Scratch scratch = new Scratch(gpu)) {
      long chosen = scratch.ids(experts);
      if (fast != null) {
        fast.weightGradient(dw, dout, x, chosen, scratch);
        return;
      }
      gpu.kernel(KernelSource.EXPERTS, "expert_weight")
          .tensors(dw, dout, x)
          .longs(chosen)
          .ints(dout.rows(), dout.rows() / x.rows(), x.columns(), dw.dim(1), dw.dim(0))
          .start(
              Math.ceilDiv(x.columns(), WEIGHT_TILE),
              Math.ceilDiv(dw.dim(1), WEIGHT_TILE),
              dw.dim(0),
              WEIGHT_THREADS);
    }
  }
}
