package jllm.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import jllm.tensor.AdamWStep;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;

/** The optimizer: its moments are in the {@link TrainedWeights}. */
final class AdamW {
  private static final int NAMED = 3;

  private final TrainedWeights weights;
  private final TrainingKernels kernels;
  private final OptimizerOptions options;

  AdamW(TrainedWeights weights, TrainingKernels kernels, OptimizerOptions options) {
    this.weights = weights;
    this.kernels = kernels;
    this.options = options;
  }

  void zeroGradients() {
    for (TrainedWeights.Group group : weights.groups()) {
      kernels.fill(group.gradient(), 0);
    }
  }

  /** The L2 norm of all gradients; not finite if one is not. */
  double gradientNorm() {
    double sum = 0;
    for (TrainedWeights.Group group : weights.groups()) {
      sum += kernels.sumOfSquares(group.gradient());
    }
    return Math.sqrt(sum);
  }

  /**
   * Changes the weights.
   *
   * @param norm of the gradients
   * @param number of the update, from 1
   */
  void update(double learningRate, double norm, long number) {
    double limit = options.gradClip();
    // As torch's clip_grad_norm_ does it.
    double scale = limit > 0 && norm > limit ? limit / (norm + 1e-6) : 1;
    for (TrainedWeights.Group group : weights.groups()) {
      boolean decays = group.matrices() || options.decayAll();
      AdamWStep step =
          new AdamWStep(
              (float) learningRate,
              (float) options.beta1(),
              (float) options.beta2(),
              (float) options.eps(),
              decays ? (float) options.weightDecay() : 0,
              (float) scale,
              number);
      kernels.adamW(
          group.master(),
          group.gradient(),
          group.firstMoment(),
          group.secondMoment(),
          step,
          group.rounded());
    }
  }

  /** The first weights whose gradients (or that themselves) hold numbers that are not finite. */
  List<String> nonFinite() {
    List<String> names = new ArrayList<>();
    for (TrainedWeights.Weight weight : weights.all()) {
      if (names.size() < NAMED && !isFinite(weight.master())) {
        names.add(weight.name());
      } else if (names.size() < NAMED && !isFinite(weight.gradient())) {
        names.add("the gradient of " + weight.name());
      }
    }
    return names;
  }

  private boolean isFinite(Tensor tensor) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = weights.onHost(tensor, arena).segment();
      return LongStream.range(0, tensor.shape().elements())
          .allMatch(i -> Float.isFinite(values.getAtIndex(ValueLayout.JAVA_FLOAT, i)));
    }
  }
}
