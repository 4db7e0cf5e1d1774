package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import jllm.cuda.TestDevice;
import jllm.tensor.Activations;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.cpu.VectorBackend;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.Test;

/** Training steps against the losses that an independent program wrote down. */
class TrainingStepTest {
  private static final double TOLERANCE = 2e-4;
  private static final int STEPS_BETWEEN_EVALUATIONS = 10;

  /**
   * The trace is followed up to step 39. The run is unstable around steps 29 and 40 and amplifies
   * rounding: the very C program that wrote the trace, compiled with other optimization flags
   * (without fused multiply-add, or with -Ofast), differs from it by 6e-3 at step 40 and by 1e-2 in
   * the validation loss there, more than this library does (4.0e-3 and 6.2e-3).
   */
  private static final int STABLE_STEPS = 40;

  @Test
  void lossesAreThoseOfTheReference() throws IOException {
    follow(new VectorBackend(1), STABLE_STEPS, Activations.STORED);
  }

  @Test
  void firstLossesWithRecomputedActivations() throws IOException {
    follow(new VectorBackend(1), 3, Activations.RECOMPUTED);
  }

  /** The oracle, which takes seconds a step. */
  @Test
  void firstLossesOfTheOracle() throws IOException {
    follow(new ScalarBackend(DType.F32), 2, Activations.STORED);
  }

  /** All that are stable on a device; two where the host stands in for one. */
  @Test
  void firstLossesOfCuda() throws IOException {
    Backend backend = TestDevice.backend();
    steps(backend, TestDevice.isReal() ? STABLE_STEPS : 2, Activations.STORED);
  }

  private static void follow(Backend backend, int steps, Activations activations)
      throws IOException {
    try (backend) {
      steps(backend, steps, activations);
    }
  }

  /** Follows the trace for {@code steps} steps. */
  private static void steps(Backend backend, int steps, Activations activations)
      throws IOException {
    Path folder = Fixtures.training("gpt2-bytes");
    Iterator<String> trace = Files.readAllLines(folder.resolve("trace.txt")).iterator();
    try (ByteModelTraining training = new ByteModelTraining(folder, backend, activations)) {
      for (int step = 0; step < steps; step++) {
        if (step % STEPS_BETWEEN_EVALUATIONS == 0) {
          assertLoss(trace.next(), "val loss ", training.evaluate());
        }
        assertLoss(trace.next(), "step " + step + ": train loss ", training.step(step));
      }
    }
  }

  private static void assertLoss(String line, String label, double found) {
    assertTrue(line.startsWith(label), line);
    double expected = Double.parseDouble(line.substring(label.length()).strip());
    assertEquals(expected, found, TOLERANCE, label);
  }
}
