package jllm.contract;

import jllm.cuda.TestDevice;
import jllm.tensor.Backend;
import jllm.tensor.DType;

/** Training on the CUDA backend, on a device or, in its place, on the host. */
class CudaTrainingContractTest implements TrainingContract {
  @Override
  public Backend backend() {
    return TestDevice.backend();
  }

  @Override
  public double trainedProductTolerance(DType weight) {
    return weight == DType.BF16 ? 5e-3 : SINGLE;
  }
}
