package jllm.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.LongStream;
import jllm.tensor.AdamWStep;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;

/** The optimizer: its moments are in the {@link TrainedTensors}. */
final class AdamW {
  private static final int NAMED = 3;

  /** Elements and repetitions of a probe: beyond the caches, and enough for the JIT. */
  private static final long PROBED = 4 << 20;

  private static final int PROBES = 10;

  private final TrainedTensors weights;
  private final TrainingKernels kernels;
  private final OptimizerOptions options;

  AdamW(TrainedTensors weights, TrainingKernels kernels, OptimizerOptions options) {
    this.weights = weights;
    this.kernels = kernels;
    this.options = options;
  }

  void zeroGradients() {
    for (TrainedTensors.Group group : weights.groups()) {
      kernels.fill(group.gradient(), 0);
    }
  }

  /** The L2 norm of all gradients; not finite if one is not. */
  double gradientNorm() {
    double sum = 0;
    for (TrainedTensors.Group group : weights.groups()) {
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
    for (TrainedTensors.Group group : weights.groups()) {
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

  /**
   * About the seconds that the norm, {@link #update} and {@link #zeroGradients} take, measured on
   * other memory: what is trained does not change.
   *
   * @param backend that trains
   */
  double probe(Backend backend) {
    long elements = 0;
    boolean rounds = false;
    for (TrainedTensors.Group group : weights.groups()) {
      elements += group.master().shape().elements();
      rounds |= group.rounded() != null;
    }
    int size = (int) Math.min(elements, PROBED);
    AdamWStep step = new AdamWStep(1e-6f, 0.9f, 0.95f, 1e-8f, 0, 1, 1);
    try (Memory memory = backend.memory()) {
      Tensor[] vectors = new Tensor[4];
      Arrays.setAll(vectors, _ -> memory.tensor(DType.F32, Shape.of(size)));
      Tensor rounded = rounds ? memory.tensor(DType.BF16, Shape.of(size)) : null;
      double least = Double.POSITIVE_INFINITY;
      for (int i = 0; i < PROBES; i++) {
        long start = System.nanoTime();
        kernels.sumOfSquares(vectors[1]);
        kernels.adamW(vectors[0], vectors[1], vectors[2], vectors[3], step, rounded);
        kernels.fill(vectors[1], 0);
        least = Math.min(least, (System.nanoTime() - start) / 1e9);
      }
      return least * elements / size;
    }
  }

  /** Weights that hold numbers that are not finite, then gradients that do; the first of them. */
  List<String> nonFinite() {
    List<String> names = new ArrayList<>();
    addNonFinite(names, "", TrainedTensors.Weight::master);
    addNonFinite(names, "the gradient of ", TrainedTensors.Weight::gradient);
    return names;
  }

  private void addNonFinite(
      List<String> names, String what, Function<TrainedTensors.Weight, Tensor> part) {
    for (TrainedTensors.Weight weight : weights.all()) {
      if (names.size() == NAMED) {
        return;
      }
      if (!isFinite(part.apply(weight))) {
        names.add(what + weight.name());
      }
    }
  }

  private boolean isFinite(Tensor tensor) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = weights.onHost(tensor, arena).segment();
      return LongStream.range(0, tensor.shape().elements())
          .allMatch(i -> Float.isFinite(values.getAtIndex(ValueLayout.JAVA_FLOAT, i)));
    }
  }
}
