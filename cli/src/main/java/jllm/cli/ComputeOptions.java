package jllm.cli;

import jllm.tensor.Backend;
import jllm.tensor.cpu.CpuKernels;
import picocli.CommandLine.Option;

/** What computes. */
final class ComputeOptions {
  private static final int MOST_THREADS = 1024;

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Threads that compute; 0 = one for each physical core. Default: ${DEFAULT-VALUE}.")
  private int threads;

  @Option(
      names = "--cpu-kernels",
      paramLabel = "SET",
      defaultValue = "auto",
      description =
          "auto, vector, or scalar (slow and plain, to compare with). Default: ${DEFAULT-VALUE}.")
  private CpuKernels kernels = CpuKernels.AUTO;

  /** Checks the ranges of all options. */
  void check() {
    Range.check("--threads", threads, 0, MOST_THREADS);
  }

  /** Threads that compute, the machine's own number if none was given. */
  int threadCount() {
    return kernels.threads(threads);
  }

  /** Starts what computes. */
  Backend backend() {
    return kernels.open(threads);
  }
}
