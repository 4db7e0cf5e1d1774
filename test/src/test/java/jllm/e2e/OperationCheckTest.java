package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.lang.reflect.Proxy;
import jllm.bench.OperationCheck;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.Test;

/** What {@code bench-cpu-vs-gpu --verify-ops} finds. */
class OperationCheckTest {
  private static final ScalarBackend ORACLE = new ScalarBackend(DType.F32);

  @Test
  void anOperationThatIsWrongIsNamed() {
    OperationCheck check = OperationCheck.run(ORACLE, withWrongGate(), OperationCheck.MOST_ERROR);
    assertFalse(check.passes());
    for (String line : check.table().lines().toList()) {
      boolean gated = line.contains("| gated ");
      assertTrue(line.contains("DIFFERENT") == gated, line);
    }
  }

  @Test
  void attentionIsComparedAtTheSizesOfModels() {
    try (Backend oracle = CpuKernels.VECTOR.open(0);
        Backend tested = CpuKernels.VECTOR.open(0)) {
      OperationCheck check =
          OperationCheck.ofAttention(oracle, tested, OperationCheck.MOST_ROUNDED_ERROR);
      assertTrue(check.passes(), check.table());
      assertTrue(check.table().contains("attentionBackward"), check.table());
    }
  }

  /** The oracle with one wrong element in what one operation computes. */
  private static Backend withWrongGate() {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (_, method, arguments) -> {
              Object result = method.invoke(ORACLE, arguments);
              if (method.getName().equals("gated")) {
                Tensor out = (Tensor) arguments[0];
                float first = out.segment().get(ValueLayout.JAVA_FLOAT, 0);
                out.segment().set(ValueLayout.JAVA_FLOAT, 0, first + 1);
              }
              return result;
            });
  }
}
