package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.OperationTimer;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cuda.CudaBackend;
import org.junit.jupiter.api.Test;

class EventTimerTest {
  @Test
  void tellsOfKernelsAndTime() {
    CudaBackend backend = TestDevice.backend();
    try (Memory memory = backend.memory();
        OperationTimer timer = backend.timer()) {
      Tensor x = memory.tensor(DType.F32, Shape.of(1, 4096));
      Tensor w = memory.tensor(DType.F32, Shape.of(3, 4096));
      Tensor out = memory.tensor(DType.F32, Shape.of(1, 3));
      timer.start();
      backend.linear(out, x, w, null);
      backend.scale(out, out, 2);
      assertTrue(timer.stop() > 0);
      assertEquals(List.of("matvec_f32", "scale"), timer.kernels());
      backend.scale(out, out, 2);
      timer.start();
      timer.stop();
      assertEquals(List.of(), timer.kernels(), "what was started before or after does not count");
    }
  }
}
