package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.tensor.AdamWStep;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The optimizer in one pass over memory: weights, gradients and both moments are read once, and
 * what changes is written once.
 */
final class AdamW implements Workers.Task {
  /** Elements of a chunk: a few pages of each tensor. */
  private static final int CHUNK = 4096;

  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 14;

  private final Workers workers;

  private MemorySegment w = MemorySegment.NULL;
  private MemorySegment gradient = MemorySegment.NULL;
  private MemorySegment m = MemorySegment.NULL;
  private MemorySegment v = MemorySegment.NULL;
  private @Nullable MemorySegment rounded;
  private AdamWStep step = new AdamWStep(0, 0, 0, 0, 0, 0, 1);
  private float firstFactor;
  private float secondFactor;
  private long count;

  AdamW(Workers workers) {
    this.workers = workers;
  }

  /** See {@link jllm.tensor.TrainingKernels#adamW}. */
  void update(
      Tensor w, Tensor gradient, Tensor m, Tensor v, AdamWStep step, @Nullable Tensor rounded) {
    this.w = w.segment();
    this.gradient = gradient.segment();
    this.m = m.segment();
    this.v = v.segment();
    this.rounded = rounded == null ? null : rounded.segment();
    this.step = step;
    firstFactor = (float) (1 / step.firstCorrection());
    secondFactor = (float) (1 / step.secondCorrection());
    count = w.shape().elements();
    if (count < WORTH_SHARING) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int chunks = Math.toIntExact((count + CHUNK - 1) / CHUNK);
    int end = Workers.share(chunks, part + 1, parts);
    MemorySegment rounded = this.rounded;
    for (int chunk = Workers.share(chunks, part, parts); chunk < end; chunk++) {
      long first = (long) chunk * CHUNK;
      int length = (int) Math.min(CHUNK, count - first);
      OptimizerLoops.adamW(w, gradient, m, v, 4 * first, length, step, firstFactor, secondFactor);
      if (rounded != null) {
        OptimizerLoops.round(w, 4 * first, rounded, 2 * first, length);
      }
    }
  }
}
