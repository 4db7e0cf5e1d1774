package jllm.cli;

import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import jllm.tensor.scalar.ScalarBackend;
import picocli.CommandLine.Option;

/** What computes. */
final class ComputeOptions {
  private static final int MOST_THREADS = 1024;

  /** The implementations of the CPU's operations. */
  enum Kernels {
    AUTO,
    VECTOR,
    SCALAR
  }

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Threads that compute; 0 = one for each physical core. Default: ${DEFAULT-VALUE}.")
  int threads;

  @Option(
      names = "--cpu-kernels",
      paramLabel = "SET",
      defaultValue = "auto",
      description =
          "auto, vector, or scalar (slow and plain, to compare with). Default: ${DEFAULT-VALUE}.")
  Kernels kernels = Kernels.AUTO;

  /** Checks the ranges of all options. */
  void check() {
    Range.check("--threads", threads, 0, MOST_THREADS);
  }

  /** Threads that compute, the machine's own number if none was given. */
  int threadCount() {
    if (kernels == Kernels.SCALAR) {
      return 1;
    }
    return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
  }

  /** Starts what computes. */
  Backend backend() {
    return switch (kernels) {
      case AUTO, VECTOR -> new VectorBackend(threadCount());
      case SCALAR -> new ScalarBackend(DType.F32);
    };
  }
}
