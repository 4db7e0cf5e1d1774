package jllm.contract;

import java.util.Map;
import java.util.stream.Stream;
import jllm.ffi.kernels.InstructionSet;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.MissingKernelsException;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** The CPU backend with kernels in C, for each instruction set that this machine has. */
@ParameterizedClass(name = "{0}")
@MethodSource("sets")
class NativeContractTest implements BackendContract {
  private final InstructionSet set;
  private final VectorBackend backend;

  static Stream<InstructionSet> sets() {
    return library(null).instructionSets().stream();
  }

  /** The library up to an instruction set; tests are skipped where there is none. */
  private static KernelLibrary library(@Nullable InstructionSet best) {
    try {
      return KernelLibrary.open(best == null ? Map.of() : Map.of("JLLM_NATIVE_ISA", best.key()));
    } catch (MissingKernelsException e) {
      Assumptions.abort("no native kernels: " + e.getMessage());
      throw e;
    }
  }

  /** With as many threads as it is the number of the set, so that the splits differ. */
  static VectorBackend backend(InstructionSet set) {
    return new VectorBackend(set.ordinal() + 1, library(set));
  }

  NativeContractTest(InstructionSet set) {
    this.set = set;
    backend = backend(set);
  }

  @Override
  public Backend backend() {
    return backend;
  }

  /** Activations meet quantized weights as integers, and are rounded to BF16 beside such. */
  @Override
  public double productTolerance(DType weight) {
    return weight.isQuantized() ? 1.5e-2 : tolerance(set, weight);
  }

  static double tolerance(InstructionSet set, DType weight) {
    boolean rounds = set.compareTo(InstructionSet.AVX512_BF16) >= 0;
    return rounds && weight != DType.F32 ? 5e-3 : SINGLE;
  }

  @AfterEach
  void close() {
    backend.close();
  }
}
