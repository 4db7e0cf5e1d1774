package jllm.contract;

import jllm.cuda.TestDevice;
import jllm.tensor.Backend;
import jllm.tensor.DType;

/** The CUDA backend that rounds the operands of products to BF16. */
class CudaRoundingContractTest implements BackendContract {
  @Override
  public Backend backend() {
    return TestDevice.rounding();
  }

  @Override
  public double productTolerance(DType weight) {
    return 2e-2;
  }

  @Override
  public double attentionTolerance() {
    return 2e-2;
  }
}
