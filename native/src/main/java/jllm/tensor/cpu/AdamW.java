package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import jllm.tensor.AdamWStep;
import jllm.tensor.AdamWWeights;
import jllm.tensor.StochasticRounding;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The optimizer in one pass over memory: weights, gradients and both moments are read once, and
 * what changes is written once.
 */
final class AdamW implements Workers.Task {
  /** Elements of a chunk: a few pages of each tensor. */
  private static final int CHUNK = StochasticRounding.CHUNK;

  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 14;

  private final Workers workers;

  private MemorySegment w = MemorySegment.NULL;
  private MemorySegment gradient = MemorySegment.NULL;
  private MemorySegment m = MemorySegment.NULL;
  private MemorySegment v = MemorySegment.NULL;
  private @Nullable MemorySegment rounded;
  private OptimizerLoops.@Nullable Factors factors;
  private @Nullable StochasticRounding rounding;
  private long firstChunk;
  private long count;

  AdamW(Workers workers) {
    this.workers = workers;
  }

  /** See {@link jllm.tensor.TrainingKernels#adamW}. */
  void update(List<AdamWWeights> all, AdamWStep step, Tensor totals) {
    float scale = step.gradientScale(totals);
    if (Float.isNaN(scale)) {
      return;
    }
    rounding = step.rounding();
    firstChunk = 0;
    for (AdamWWeights weights : all) {
      factors = OptimizerLoops.Factors.of(step, scale, weights.weightDecay());
      update(weights);
      firstChunk += StochasticRounding.chunks(count);
    }
  }

  private void update(AdamWWeights weights) {
    w = weights.w().segment();
    gradient = weights.gradient().segment();
    m = weights.m().segment();
    v = weights.v().segment();
    Tensor copy = weights.rounded();
    rounded = copy == null ? null : copy.segment();
    count = weights.w().shape().elements();
    if (count < WORTH_SHARING) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int chunks = Math.toIntExact(StochasticRounding.chunks(count));
    int end = Workers.share(chunks, part + 1, parts);
    for (int chunk = Workers.share(chunks, part, parts); chunk < end; chunk++) {
      long first = (long) chunk * CHUNK;
      int length = (int) Math.min(CHUNK, count - first);
      OptimizerLoops.adamW(w, gradient, m, v, 4 * first, length, Objects.requireNonNull(factors));
      round(first, length, firstChunk + chunk);
    }
  }

  private void round(long first, int length, long chunk) {
    MemorySegment to = rounded;
    StochasticRounding stochastic = rounding;
    if (to == null) {
      return;
    }
    if (stochastic == null) {
      OptimizerLoops.round(w, 4 * first, to, 2 * first, length);
    } else {
      OptimizerLoops.round(w, 4 * first, to, 2 * first, length, stochastic.key(chunk));
    }
  }
}
