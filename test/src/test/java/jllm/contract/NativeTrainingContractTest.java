package jllm.contract;

import jllm.ffi.kernels.InstructionSet;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Training with kernels in C, for each instruction set that this machine has. */
@ParameterizedClass(name = "{0}")
@MethodSource("jllm.contract.NativeContractTest#sets")
class NativeTrainingContractTest implements TrainingContract {
  private final InstructionSet set;
  private final VectorBackend backend;

  NativeTrainingContractTest(InstructionSet set) {
    this.set = set;
    backend = NativeContractTest.backend(set);
  }

  @Override
  public Backend backend() {
    return backend;
  }

  @Override
  public double trainedProductTolerance(DType weight) {
    return NativeContractTest.tolerance(set, weight);
  }

  @AfterEach
  void close() {
    backend.close();
  }
}
