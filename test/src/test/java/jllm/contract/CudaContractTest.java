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

  /** A few rows meet quantized weights as integers of 16 bits. */
  @Override
  public double productTolerance(DType weight) {
    return weight.isQuantized() ? 1e-4 : SINGLE;
  }
}
