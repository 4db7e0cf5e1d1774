package jllm.contract;

import jllm.cuda.TestDevice;
import jllm.tensor.Backend;

/** Training on the CUDA backend, on a device or, in its place, on the host. */
class CudaTrainingContractTest implements TrainingContract {
  @Override
  public Backend backend() {
    return TestDevice.backend();
  }
}
