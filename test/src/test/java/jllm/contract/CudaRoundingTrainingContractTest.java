package jllm.contract;

import jllm.cuda.TestDevice;
import jllm.tensor.Backend;
import jllm.tensor.DType;

/** Training on the CUDA backend that rounds the operands of products to BF16. */
class CudaRoundingTrainingContractTest implements TrainingContract {
  @Override
  public Backend backend() {
    return TestDevice.rounding();
  }

  @Override
  public double trainedProductTolerance(DType weight) {
    return 2e-2;
  }

  @Override
  public double attentionTolerance() {
    return 2e-2;
  }
}
