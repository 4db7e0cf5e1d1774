package jllm.model;

import java.util.Objects;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Recording;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A step that is done again and again with other inputs: the first times one operation after the
 * other; then it is recorded, if the backend can, and replayed. It has memory of its own, where a
 * recording finds it as it was.
 */
final class RepeatedStep implements AutoCloseable {
  /** Steps in which memory finds its size and kernels are prepared. */
  private static final int FIRST_STEPS = 2;

  /**
   * What comes of a step.
   *
   * @param logits [N, V]
   * @param tokens chosen from them, I32 [N, 1]; null if the backend did not choose
   */
  record Results(Tensor logits, @Nullable Tensor tokens) {}

  /** What a step computes. */
  interface Work {
    Results run(Exec exec);
  }

  private final Backend backend;
  private final Exec exec;
  private final Work work;
  private boolean records;
  private int steps;
  private @Nullable Recording recording;
  private @Nullable Results results;

  /**
   * @param records whether all that changes between steps is in the memory of the backend
   */
  RepeatedStep(Backend backend, boolean records, Work work) {
    this.backend = backend;
    this.records = records;
    this.work = work;
    this.exec = new Exec(backend);
  }

  boolean isRecorded() {
    return recording != null;
  }

  Results run() {
    if (recording == null && records && steps >= FIRST_STEPS) {
      exec.reset();
      recording = backend.record(() -> results = work.run(exec));
      records = recording != null;
    }
    if (recording != null) {
      recording.replay();
    } else {
      exec.reset();
      results = work.run(exec);
      steps++;
    }
    return Objects.requireNonNull(results);
  }

  /** A result where the host can read it, valid until the next one. */
  Tensor onHost(Tensor result) {
    return exec.onHost(result);
  }

  @Override
  public void close() {
    if (recording != null) {
      recording.close();
    }
    exec.close();
  }
}
