package jllm.contract;

import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The CPU backend, alone and with a team. The build runs this class once for each vector width
 * (system property {@code jllm.vector.bits}).
 */
@ParameterizedClass(name = "{0} threads")
@ValueSource(ints = {1, 2, 3})
class VectorContractTest
    implements RoutingContract,
        RotaryContract,
        AttentionContract,
        ActivationContract,
        ElementwiseContract,
        SoftmaxContract {
  private final VectorBackend backend;

  VectorContractTest(int threads) {
    backend = new VectorBackend(threads);
  }

  @Override
  public Backend backend() {
    return backend;
  }

  /** Activations meet blocks of integers as integers of eight bits, with a scale for 32 of them. */
  @Override
  public double productTolerance(DType weight) {
    return weight.isQuantized() ? 1.5e-2 : SINGLE;
  }

  @AfterEach
  void close() {
    backend.close();
  }
}
