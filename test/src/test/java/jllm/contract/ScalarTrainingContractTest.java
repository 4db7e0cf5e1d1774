package jllm.contract;

import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.scalar.ScalarBackend;

/** The oracle of derivatives with results rounded to single precision against itself without. */
class ScalarTrainingContractTest implements TrainingContract {
  private final Backend backend = new ScalarBackend(DType.F32);

  @Override
  public Backend backend() {
    return backend;
  }
}
