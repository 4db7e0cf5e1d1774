package jllm.contract;

import jllm.cuda.TestDevice;
import jllm.tensor.Backend;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.MatrixMath;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Attention of the CUDA backend where tensor cores multiply operands that are rounded to BF16. */
class CudaRoundedAttentionTest implements AttentionContract, AttentionGradientContract {
  private static @Nullable CudaBackend backend;

  @BeforeAll
  static void open() {
    backend = CudaBackend.open(0, MatrixMath.BF16, TestDevice.environment());
  }

  @AfterAll
  static void close() {
    if (backend != null) {
      backend.close();
    }
  }

  @Override
  public Backend backend() {
    if (backend == null) {
      throw new IllegalStateException("not opened");
    }
    return backend;
  }

  @Override
  public double attentionTolerance() {
    return 2e-2;
  }
}
