package jllm.contract;

import jllm.cuda.TestDevice;
import jllm.tensor.Backend;

/** The CUDA backend, on a device or, in its place, on the host. */
class CudaContractTest implements BackendContract {
  @Override
  public Backend backend() {
    return TestDevice.backend();
  }
}
