package jllm.contract;

import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.scalar.ScalarBackend;

/**
 * The oracle with results rounded to single precision against itself without: what the tolerances
 * of the contract ask for can be reached.
 */
class ScalarContractTest implements BackendContract {
  private final Backend backend = new ScalarBackend(DType.F32);

  @Override
  public Backend backend() {
    return backend;
  }
}
