package jllm.ffi.kernels;

import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** The library for tests, which are skipped where there is none. */
public final class TestLibrary {
  private TestLibrary() {}

  public static KernelLibrary open(Map<String, String> environment) {
    try {
      return KernelLibrary.open(environment);
    } catch (MissingKernelsException e) {
      Assumptions.abort(e.getMessage());
      throw e;
    }
  }
}
