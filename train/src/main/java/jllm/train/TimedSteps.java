package jllm.train;

import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.model.RandomWeights;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.train.data.TokenBatch;
import jllm.train.model.ModelCosts;
import jllm.train.model.TrainingFlops;
import org.jspecify.annotations.Nullable;

/**
 * Whole training steps of a model with random weights on random tokens, to be timed: what they cost
 * does not depend on what they learn.
 *
 * <p>For one thread. The backend is the caller's.
 */
public final class TimedSteps implements AutoCloseable {
  private static final double RATE = 1e-5;

  private final TrainedTensors weights;
  private final TrainingFlops flops;
  private final @Nullable WeightSource base;
  private final ModelStep model;
  private final AdamW optimizer;
  private final StepTotals totals;
  private final BatchOptions size;
  private final TokenBatch batch;
  private long steps;

  private TimedSteps(
      Backend backend,
      TrainedTensors weights,
      TrainingFlops flops,
      @Nullable WeightSource base,
      TrainOptions options) {
    this.weights = weights;
    this.flops = flops;
    this.base = base;
    size = options.batch();
    model = new ModelStep(weights, backend, size.tokensPerBatch(), false, options);
    model.timePhases();
    optimizer = new AdamW(weights, backend.training(), options.optimizer(), options.seed());
    totals = new StepTotals(backend);
    batch =
        TokenBatch.random(
            size.batchSize(),
            size.sequenceLength(),
            weights.config().vocabularySize(),
            options.seed());
  }

  /**
   * Steps that train all weights.
   *
   * @throws OutOfMemoryError if there is no room for them
   */
  public static TimedSteps ofWeights(Backend backend, ModelConfig config, TrainOptions options) {
    TrainedWeights weights =
        TrainedWeights.random(config, options.weightType(), options.seed(), backend);
    TrainingFlops flops = ModelCosts.of(config, options.batch().sequenceLength()).training();
    return new TimedSteps(backend, weights, flops, null, options);
  }

  /**
   * Steps that train an adapter.
   *
   * @param type of the frozen matrices
   * @throws OutOfMemoryError if there is no room for the weights
   */
  public static TimedSteps ofAdapter(
      Backend backend,
      ModelConfig config,
      DType type,
      AdapterOptions adapter,
      TrainOptions options) {
    RandomWeights base = new RandomWeights(config, type, options.seed());
    TrainedAdapter weights =
        TrainedAdapter.random(
            base, "random weights", adapter, options.weightType(), options.seed(), backend);
    TrainingFlops flops = weights.flops(options.batch().sequenceLength());
    return new TimedSteps(backend, weights, flops, base, options);
  }

  /** Numbers that are trained. */
  public long trained() {
    long trained = 0;
    for (TrainedTensors.Weight weight : weights.all()) {
      trained += weight.master().shape().elements();
    }
    return trained;
  }

  /** Floating-point operations for one token. */
  public TrainingFlops flops() {
    return flops;
  }

  /** Does steps for so long, at least one: the JIT compiles the kernels meanwhile. */
  public void warmUp(long nanos) {
    long begin = System.nanoTime();
    do {
      step();
    } while (System.nanoTime() - begin < nanos);
  }

  /** Does a step and says where its time went. */
  public StepTimes step() {
    float factor = (float) (1.0 / size.tokensPerStep());
    double forward = 0;
    double backward = 0;
    totals.reset();
    for (int i = 0; i < size.accumulation(); i++) {
      totals.addLosses(model.learn(batch, factor, steps));
      forward += model.forwardSeconds();
      backward += model.backwardSeconds();
    }
    long start = System.nanoTime();
    optimizer.norm(totals);
    optimizer.update(RATE, ++steps, totals);
    optimizer.zeroGradients();
    totals.read();
    return new StepTimes(forward, backward, (System.nanoTime() - start) / 1e9);
  }

  /** Bytes that the steps so far needed for activations and their derivatives. */
  public long activationBytes() {
    return model.activationBytes();
  }

  @Override
  public void close() {
    model.close();
    totals.close();
    weights.close();
    if (base != null) {
      base.close();
    }
  }
}
