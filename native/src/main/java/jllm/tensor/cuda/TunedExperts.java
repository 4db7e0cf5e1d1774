package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import jllm.tensor.Tensor;

/**
 * Products with the weights of experts on tensor cores, with operands rounded to bfloat16. What
 * {@link #takes} refuses is for the general kernels.
 */
final class TunedExperts {
  private static final int THREADS = 128;

  /** Of a tile of results, and of a tile of the dimension that is summed up. */
  private static final int COLUMNS = 128;

  private static final int STEP = 64;

  private static final int MOST_ROWS = 128;
  private static final int FEW_ROWS = 64;

  /** Rows in shared memory are so many elements longer. */
  private static final int PADDING = 8;

  /** Elements that are copied, or decoded, at once. */
  private static final int UNIT = 8;

  private static final int ALIGNMENT = 16;

  /** What the products of all experts of a row take until they are added, at most. */
  private static final long PART_BYTES = 128L << 20;

  private final Gpu gpu;
  private final Products products;

  TunedExperts(Gpu gpu, Products products) {
    this.gpu = gpu;
    this.products = products;
  }

  /** Whether there are kernels for a weight, or for its derivative. */
  static boolean takes(ExpertCheck.Direction direction, Tensor w) {
    return direction == ExpertCheck.Direction.WEIGHTS
        || w.dtype().isQuantized()
        || (w.columns() % UNIT == 0 && address(w) % ALIGNMENT == 0);
  }

  /** Rows of a tile, where so many are divided among experts. */
  static int tile(ExpertCheck.Direction direction, int rows, Tensor w) {
    return direction == ExpertCheck.Direction.WEIGHTS ? MOST_ROWS : tile(rows, w);
  }

  private static int tile(int rows, Tensor w) {
    return rows >= MOST_ROWS * w.dim(0) ? MOST_ROWS : FEW_ROWS;
  }

  /** Bytes of shared memory: two steps of the tiles of both operands. */
  private static int shared(int left, int right) {
    return 2 * Short.BYTES * (left + right);
  }

  /** Elements of a tile of so many rows, whose summed dimension goes across. */
  private static int across(int rows) {
    return rows * (STEP + PADDING);
  }

  /** Elements of a tile of so many columns, whose summed dimension goes down. */
  private static int down(int columns) {
    return STEP * (columns + PADDING);
  }

  private static int padded(int columns, int unit) {
    return Math.ceilDiv(columns, unit) * unit;
  }

  /** The address of rows that are rounded and padded with zeros. */
  private long rounded(Tensor x, int stride, Scratch scratch) {
    long to = scratch.bytes((long) x.rows() * stride * Short.BYTES);
    products.round(to, address(x), x.rows(), x.columns(), stride);
    return to;
  }

  /**
   * See {@link jllm.tensor.Backend#expertLinear}.
   *
   * @param chosen address of the experts
   */
  void forward(Tensor out, Tensor x, Tensor w, long chosen, Scratch scratch) {
    int rows = out.rows();
    int outputs = w.dim(1);
    int tile = tile(rows, w);
    int stride = padded(x.columns(), STEP);
    long left = rounded(x, stride, scratch);
    ExpertGroups groups = ExpertGroups.of(gpu, chosen, rows, w.dim(0), tile, scratch);
    gpu.kernel(KernelSource.EXPERT_MMA, "expert_mma_" + tile, w.dtype())
        .tensors(out)
        .longs(left)
        .tensors(w)
        .longs(groups.order(), groups.tiles())
        .ints(groups.tileCount(), rows / x.rows(), x.columns(), stride, outputs)
        .start(
            groups.tileCount() * Math.ceilDiv(outputs, COLUMNS),
            1,
            1,
            THREADS,
            1,
            shared(across(tile), across(COLUMNS)));
  }

  /** See {@link jllm.tensor.TrainingKernels#expertLinearBackwardInput}. */
  void inputGradient(Tensor dx, Tensor dout, Tensor w, long chosen, Scratch scratch) {
    int rows = dout.rows();
    int inputs = dx.columns();
    int tile = tile(rows, w);
    int stride = padded(dout.columns(), STEP);
    long left = rounded(dout, stride, scratch);
    ExpertGroups groups = ExpertGroups.of(gpu, chosen, rows, w.dim(0), tile, scratch);
    if (rows == dx.rows()) {
      inputGradient(address(dx), left, stride, w, groups, tile, 0, inputs, true);
      return;
    }
    // The experts of a row are added up afterwards, in their order.
    long fitting = PART_BYTES / ((long) rows * Float.BYTES) / COLUMNS * COLUMNS;
    int step = (int) Math.min(inputs, Math.max(COLUMNS, fitting));
    long parts = scratch.floats((long) rows * step);
    for (int from = 0; from < inputs; from += step) {
      int count = Math.min(step, inputs - from);
      inputGradient(parts, left, stride, w, groups, tile, from, count, false);
      gpu.kernel(KernelSource.EXPERTS, "add_parts")
          .tensors(dx)
          .longs(parts)
          .ints(dx.rows(), rows / dx.rows(), inputs, from, count)
          .over((long) dx.rows() * count);
    }
  }

  /** Columns from..from + count - 1, to rows of so many. */
  private void inputGradient(
      long to,
      long dout,
      int stride,
      Tensor w,
      ExpertGroups groups,
      int tile,
      int from,
      int count,
      boolean add) {
    gpu.kernel(KernelSource.EXPERT_MMA, "expert_mma_input_" + tile, w.dtype())
        .longs(to, dout)
        .tensors(w)
        .longs(groups.order(), groups.tiles())
        .ints(groups.tileCount(), w.columns(), stride, w.dim(1), from, count, add ? 1 : 0)
        .start(
            groups.tileCount() * Math.ceilDiv(count, COLUMNS),
            1,
            1,
            THREADS,
            1,
            shared(across(tile), down(COLUMNS)));
  }

  /** See {@link jllm.tensor.TrainingKernels#expertLinearBackwardWeight}. */
  void weightGradient(Tensor dw, Tensor dout, Tensor x, long chosen, Scratch scratch) {
    int rows = dout.rows();
    int experts = dw.dim(0);
    int inputs = x.columns();
    int outputs = dout.columns();
    int inputStride = padded(inputs, UNIT);
    int outputStride = padded(outputs, UNIT);
    long left = rounded(dout, outputStride, scratch);
    long right = rounded(x, inputStride, scratch);
    ExpertGroups groups = ExpertGroups.of(gpu, chosen, rows, experts, MOST_ROWS, scratch);
    gpu.kernel(KernelSource.EXPERT_MMA_WEIGHT, "expert_mma_weight")
        .tensors(dw)
        .longs(left, right, groups.order(), groups.starts())
        .ints(rows / x.rows(), inputs, inputStride, outputs, outputStride)
        .start(
            Math.ceilDiv(outputs, COLUMNS) * Math.ceilDiv(inputs, COLUMNS),
            experts,
            1,
            THREADS,
            1,
            shared(down(COLUMNS), down(COLUMNS)));
  }
}
