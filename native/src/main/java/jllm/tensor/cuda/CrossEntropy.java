package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import jllm.tensor.Tensor;

/** The loss of language models; see {@link jllm.tensor.TrainingKernels}. */
final class CrossEntropy {
  // As cross_entropy.cu counts them: 8 elements of 2 bytes.
  private static final int GROUP = 8;
  private static final int GROUP_BYTES = GROUP * Short.BYTES;

  /** Shared memory of a block that the kernel and the driver need themselves, at most. */
  private static final int RESERVED_BYTES = 2 << 10;

  private static final int THREADS = 512;
  private static final int MOST_THREADS = 1024;

  private final Gpu gpu;

  CrossEntropy(Gpu gpu) {
    this.gpu = gpu;
  }

  void forward(Tensor losses, Tensor lse, Tensor logits, Tensor targets) {
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.SOFTMAX, "cross_entropy")
          .tensors(losses, lse, logits)
          .longs(scratch.ids(targets))
          .ints(logits.columns())
          .eachRow(logits.rows(), logits.columns());
    }
  }

  void backward(Tensor logits, Tensor dlosses, Tensor lse, Tensor targets) {
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.SOFTMAX, "cross_entropy_backward")
          .tensors(logits, dlosses, lse)
          .longs(scratch.ids(targets))
          .ints(logits.columns())
          .eachRow(logits.rows(), logits.columns());
    }
  }

  /** Sets what is beyond the logits of rounded rows to 0. */
  void clearRest(Tensor logits, int columns) {
    int rest = logits.columns() - columns;
    long elements = (long) logits.rows() * rest;
    if (elements > 0) {
      gpu.kernel(KernelSource.CROSS_ENTROPY, "clear_columns_bf16")
          .tensors(logits)
          .ints(columns, logits.columns())
          .eachOf(elements);
    }
  }

  void rounded(Tensor losses, Tensor logits, Tensor targets, int columns, float factor) {
    int groups = logits.columns() / GROUP;
    int most = gpu.device().sharedMemory() - RESERVED_BYTES;
    int kept = Math.min(groups, most / GROUP_BYTES);
    // Two blocks share a processor where rows are short enough: one reads while another writes.
    int threads = kept * GROUP_BYTES <= most / 2 ? THREADS : MOST_THREADS;
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.CROSS_ENTROPY, "cross_entropy_bf16")
          .longs(address(losses), address(logits), scratch.ids(targets))
          .floats(factor)
          .ints(columns, logits.columns(), kept)
          .start(logits.rows(), 1, 1, Math.min(threads, threadsOf(groups)), 1, kept * GROUP_BYTES);
    }
  }

  /** Whole warps. */
  private static int threadsOf(int groups) {
    return Math.ceilDiv(groups, 32) * 32;
  }

  void rescale(Tensor dlogits, Tensor dlosses, float factor) {
    int groups = dlogits.columns() / GROUP;
    gpu.kernel(KernelSource.CROSS_ENTROPY, "cross_entropy_rescale_bf16")
        .tensors(dlogits, dlosses)
        .floats(factor)
        .ints(dlogits.columns())
        .start(dlogits.rows(), 1, 1, Math.min(THREADS, threadsOf(groups)), 1, 0);
  }
}
