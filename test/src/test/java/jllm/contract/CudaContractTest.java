package jllm.contract;

import jllm.cuda.TestDevice;
import jllm.tensor.Backend;
import jllm.tensor.DType;

/** The CUDA backend, on a device or, in its place, on the host. */
class CudaContractTest implements BackendContract {
  @Override
  public Backend backend() {
    return TestDevice.backend();
  }

  @Override
  public double productTolerance(DType weight) {
    return weight == DType.BF16 ? 5e-3 : SINGLE;
  }
}
