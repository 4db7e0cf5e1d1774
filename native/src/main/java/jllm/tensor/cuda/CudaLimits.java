package jllm.tensor.cuda;

import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.MachineLimits;

/** What a device can do at best, measured: copies in its memory, and large matrix products. */
public final class CudaLimits {
  private static final int LEAST_SIDE = 128;
  private static final int MOST_SIDE = 8192;
  private static final long LEAST_BYTES = 1 << 20;
  private static final long MOST_BYTES = 1L << 30;

  /** Sizes grow until a run takes so long. */
  private static final long LONG_NANOS = 20_000_000;

  private static final int RUNS = 10;

  private CudaLimits() {}

  /**
   * Measures for a second or two, with products as the backend rounds them.
   *
   * @throws DeviceMemoryException if there is not even room for small operands
   */
  public static MachineLimits measure(CudaBackend backend) {
    double flops = 0;
    DType type = backend.math() == MatrixMath.BF16 ? DType.BF16 : DType.F32;
    for (int side = LEAST_SIDE; side <= MOST_SIDE; side *= 2) {
      try (Memory memory = backend.memory()) {
        Shape shape = Shape.of(side, side);
        Tensor a = memory.tensor(type, shape);
        Tensor b = memory.tensor(type, shape);
        Tensor out = memory.tensor(DType.F32, shape);
        long nanos =
            best(backend, () -> backend.product(out, a, b, backend.math() == MatrixMath.TF32));
        flops = Math.max(flops, 2e9 * side * side * side / nanos);
        if (nanos > LONG_NANOS) {
          break;
        }
      }
    }
    return new MachineLimits(copyRate(backend), flops);
  }

  private static double copyRate(CudaBackend backend) {
    double rate = 0;
    for (long bytes = LEAST_BYTES; bytes <= MOST_BYTES; bytes *= 4) {
      try (Memory memory = backend.memory()) {
        Shape shape = Shape.of(1, (int) (bytes / Float.BYTES));
        Tensor from = memory.tensor(DType.F32, shape);
        Tensor to = memory.tensor(DType.F32, shape);
        long nanos = best(backend, () -> backend.copyRows(to, 0, from));
        rate = 2e9 * bytes / nanos; // read and written; of the largest, which no cache holds
        if (nanos > LONG_NANOS) {
          break;
        }
      }
    }
    return rate;
  }

  private static long best(CudaBackend backend, Runnable run) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < RUNS; i++) {
      backend.synchronize();
      long start = System.nanoTime();
      run.run();
      backend.synchronize();
      best = Math.min(best, System.nanoTime() - start);
      if (best > LONG_NANOS) {
        break;
      }
    }
    return best;
  }
}
