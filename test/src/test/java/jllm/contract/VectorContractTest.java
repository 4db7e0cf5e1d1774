package jllm.contract;

import java.util.stream.IntStream;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The CPU backend, alone and with a team. The build runs this class at the machine's vector width
 * and then at narrower ones (system property {@code jllm.vector.bits}), with one team only.
 */
@ParameterizedClass(name = "{0} threads")
@MethodSource("teams")
class VectorContractTest implements BackendContract {
  private final VectorBackend backend;

  static IntStream teams() {
    return Integer.getInteger("jllm.vector.bits") == null ? IntStream.of(1, 2, 3) : IntStream.of(2);
  }

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
