package jllm.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/**
 * The two numbers that a step is about, the sum of its losses and the norm of its gradients. They
 * are where the backend computes, so that the optimizer can go by them while the host does not
 * wait; it asks for them once, when all of the step was started.
 */
final class StepTotals implements AutoCloseable {
  private final Backend backend;
  private final Memory memory;
  private final Tensor totals;

  /**
   * What the totals are.
   *
   * @param losses the sum of the losses in nats
   * @param norm the L2 norm of all gradients
   */
  record Values(double losses, double norm) {}

  StepTotals(Backend backend) {
    this.backend = backend;
    this.memory = backend.memory();
    this.totals = memory.tensor(DType.F64, Shape.of(2));
  }

  /** For a new step. */
  void reset() {
    try (Arena arena = Arena.ofConfined()) {
      backend.upload(totals, arena.allocate(ValueLayout.JAVA_DOUBLE, 2));
    }
  }

  void addLosses(Tensor losses) {
    backend.training().addSum(totals.slice(0, 1), losses);
  }

  void norm(List<Tensor> gradients) {
    backend.training().norm(totals.slice(1, 1), gradients);
  }

  /** For {@link jllm.tensor.TrainingKernels#adamW}. */
  Tensor tensor() {
    return totals;
  }

  /** Waits for all that was started. */
  Values read() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(ValueLayout.JAVA_DOUBLE, 2);
      backend.download(values, totals);
      return new Values(
          values.getAtIndex(ValueLayout.JAVA_DOUBLE, 0),
          values.getAtIndex(ValueLayout.JAVA_DOUBLE, 1));
    }
  }

  @Override
  public void close() {
    memory.close();
  }
}
