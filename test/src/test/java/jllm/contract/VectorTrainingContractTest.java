package jllm.contract;

import jllm.tensor.Backend;
import jllm.tensor.cpu.VectorBackend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Training on the CPU; run at several vector widths, as {@link VectorContractTest}. */
@ParameterizedClass(name = "{0} threads")
@MethodSource("jllm.contract.VectorContractTest#teams")
class VectorTrainingContractTest implements TrainingContract {
  private final VectorBackend backend;

  VectorTrainingContractTest(int threads) {
    backend = new VectorBackend(threads);
  }

  @Override
  public Backend backend() {
    return backend;
  }

  @AfterEach
  void close() {
    backend.close();
  }
}
