package jllm.tensor.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import jllm.tensor.AdamWStep;
import jllm.tensor.AdamWWeights;
import jllm.tensor.StochasticRounding;
import jllm.tensor.Tensor;

/**
 * The end of a training step on a device: the norm of the gradients, and AdamW, of all tensors in
 * one launch each. The host waits for neither: how much gradients are clipped, and whether anything
 * changes at all, is decided there.
 */
final class CudaOptimizer {
  private static final int WIDE = 256;
  private static final int SUM_THREADS = 1024;
  private static final int SQUARES_OF_A_BLOCK = 16_384;
  private static final int MOST_SQUARE_BLOCKS = 1024;

  private final Gpu gpu;

  CudaOptimizer(Gpu gpu) {
    this.gpu = gpu;
  }

  void addSum(Tensor sum, Tensor x) {
    gpu.kernel(KernelSource.REDUCTIONS, "add_sum")
        .tensors(sum, x)
        .longs(x.shape().elements())
        .start(1, 1, 1, SUM_THREADS);
  }

  double sumOfSquares(Tensor x) {
    try (Scratch scratch = new Scratch(gpu)) {
      long sum = scratch.bytes(Double.BYTES);
      squares(sum, List.of(x), false);
      return gpu.readDouble(sum);
    }
  }

  void norm(Tensor norm, List<Tensor> tensors) {
    squares(Gpu.address(norm), tensors, true);
  }

  /** A table of the blocks before a tensor, its address and its length. */
  private void squares(long out, List<Tensor> tensors, boolean root) {
    try (Scratch scratch = new Scratch(gpu);
        Arena arena = Arena.ofConfined()) {
      Table table = new Table(arena, tensors.size(), 3);
      int blocks = 0;
      for (Tensor tensor : tensors) {
        long elements = tensor.shape().elements();
        table.add(blocks, Gpu.address(tensor), elements);
        blocks +=
            (int) Math.clamp(Math.ceilDiv(elements, SQUARES_OF_A_BLOCK), 1, MOST_SQUARE_BLOCKS);
      }
      long parts = scratch.bytes((long) blocks * Double.BYTES);
      gpu.kernel(KernelSource.REDUCTIONS, "sum_squares")
          .longs(parts, table.upload(scratch))
          .ints(tensors.size(), blocks)
          .start(blocks, 1, 1, WIDE);
      gpu.kernel(KernelSource.REDUCTIONS, "sum_doubles")
          .longs(out, parts)
          .ints(blocks, root ? 1 : 0)
          .start(1, 1, 1, SUM_THREADS);
    }
  }

  void adamW(List<AdamWWeights> all, AdamWStep step, Tensor totals) {
    try (Scratch scratch = new Scratch(gpu);
        Arena arena = Arena.ofConfined()) {
      Table table = new Table(arena, all.size(), 8);
      long blocks = 0;
      for (AdamWWeights weights : all) {
        long elements = weights.w().shape().elements();
        table.add(
            blocks,
            Gpu.address(weights.w()),
            Gpu.address(weights.gradient()),
            Gpu.address(weights.m()),
            Gpu.address(weights.v()),
            Gpu.address(weights.rounded()),
            elements,
            Float.floatToRawIntBits(weights.weightDecay()));
        blocks += StochasticRounding.chunks(elements);
      }
      StochasticRounding rounding = step.rounding();
      gpu.kernel(KernelSource.OPTIMIZER, "adamw")
          .longs(table.upload(scratch))
          .ints(all.size())
          .tensors(totals)
          .longs(Double.doubleToRawLongBits(step.clip()))
          .floats(step.learningRate(), step.beta1(), step.beta2(), step.eps())
          .floats((float) (1 / step.firstCorrection()), (float) (1 / step.secondCorrection()))
          .ints(rounding == null ? 0 : 1)
          .longs(rounding == null ? 0 : rounding.seed())
          .start(Math.toIntExact(blocks), 1, 1, WIDE);
    }
  }

  /** Entries of 64-bit numbers, for a kernel that finds a block's tensor in them. */
  private static final class Table {
    private final MemorySegment entries;
    private long count;

    Table(Arena arena, int entries, int columns) {
      this.entries = arena.allocate(ValueLayout.JAVA_LONG, (long) entries * columns);
    }

    void add(long... entry) {
      for (long number : entry) {
        entries.setAtIndex(ValueLayout.JAVA_LONG, count++, number);
      }
    }

    long upload(Scratch scratch) {
      return scratch.copy(entries, count * Long.BYTES);
    }
  }
}
