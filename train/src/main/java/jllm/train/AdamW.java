package jllm.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.LongStream;
import jllm.tensor.AdamWStep;
import jllm.tensor.AdamWWeights;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.StochasticRounding;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import org.jspecify.annotations.Nullable;

/** The optimizer: its moments are in the {@link TrainedTensors}. */
final class AdamW {
  private static final int NAMED = 3;

  /** Elements and repetitions of a probe: beyond the caches, and enough for the JIT. */
  private static final long PROBED = 4 << 20;

  private static final int PROBES = 10;

  private static final long GOLDEN_64 = 0x9E3779B97F4A7C15L;

  private final TrainedTensors weights;
  private final TrainingKernels kernels;
  private final OptimizerOptions options;
  private final long seed;
  private final List<Tensor> gradients;
  private final List<AdamWWeights> all;

  /**
   * @param seed of the rounding, if that is stochastic
   */
  AdamW(TrainedTensors weights, TrainingKernels kernels, OptimizerOptions options, long seed) {
    this.weights = weights;
    this.kernels = kernels;
    this.options = options;
    this.seed = seed;
    this.gradients = weights.groups().stream().map(TrainedTensors.Group::gradient).toList();
    this.all = weights.groups().stream().map(this::whole).toList();
  }

  private AdamWWeights whole(TrainedTensors.Group group) {
    boolean decays = group.matrices() || options.decayAll();
    return new AdamWWeights(
        group.master(),
        group.gradient(),
        group.firstMoment(),
        group.secondMoment(),
        group.rounded(),
        decays ? (float) options.weightDecay() : 0);
  }

  void zeroGradients() {
    for (Tensor gradient : gradients) {
      kernels.fill(gradient, 0);
    }
  }

  /** Finds the norm of the gradients of a step. */
  void norm(StepTotals totals) {
    totals.norm(gradients);
  }

  /**
   * Changes the weights, unless the totals of the step are not finite.
   *
   * @param totals with the norm
   * @param number of the update, from 1
   */
  void update(double learningRate, long number, StepTotals totals) {
    AdamWStep step =
        new AdamWStep(
            (float) learningRate,
            (float) options.beta1(),
            (float) options.beta2(),
            (float) options.eps(),
            options.gradClip(),
            number,
            rounding(number));
    kernels.adamW(all, step, totals.tensor());
  }

  /** How an update rounds; absent if to nearest. */
  private @Nullable StochasticRounding rounding(long number) {
    return options.stochasticRounding()
        ? new StochasticRounding(new SplittableRandom(~seed + number * GOLDEN_64).nextLong())
        : null;
  }

  /** Gives the model again what so many updates had rounded for it. */
  void restoreRounding(long updates) {
    if (updates > 0) {
      weights.round(rounding(updates));
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
    AdamWStep step = new AdamWStep(1e-6f, 0.9f, 0.95f, 1e-8f, 1, 1, rounding(1));
    try (Memory memory = backend.memory();
        StepTotals totals = new StepTotals(backend)) {
      Tensor[] vectors = new Tensor[4];
      Arrays.setAll(vectors, _ -> memory.tensor(DType.F32, Shape.of(size)));
      Tensor rounded = rounds ? memory.tensor(DType.BF16, Shape.of(size)) : null;
      List<Tensor> gradient = List.of(vectors[1]);
      List<AdamWWeights> probed =
          List.of(new AdamWWeights(vectors[0], vectors[1], vectors[2], vectors[3], rounded, 0));
      double least = Double.POSITIVE_INFINITY;
      for (int i = 0; i < PROBES; i++) {
        long start = System.nanoTime();
        totals.norm(gradient);
        kernels.adamW(probed, step, totals.tensor());
        kernels.fill(vectors[1], 0);
        totals.read();
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
