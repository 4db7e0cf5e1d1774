package jllm.train;

import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.train.data.TokenBatch;

/**
 * Whole training steps of a model with random weights on random tokens, to be timed: what they cost
 * does not depend on what they learn.
 *
 * <p>For one thread. The backend is the caller's.
 */
public final class TimedSteps implements AutoCloseable {
  private static final double RATE = 1e-5;

  private final Backend backend;
  private final TrainedWeights weights;
  private final ModelStep model;
  private final AdamW optimizer;
  private final BatchOptions size;
  private final TokenBatch batch;
  private long steps;

  /**
   * @throws OutOfMemoryError if there is no room for the weights
   */
  public TimedSteps(Backend backend, ModelConfig config, TrainOptions options) {
    this.backend = backend;
    size = options.batch();
    weights = TrainedWeights.random(config, options.weightType(), options.seed(), backend);
    model = new ModelStep(weights, backend, size.tokensPerBatch(), false, options);
    optimizer = new AdamW(weights, backend.training(), options.optimizer());
    batch =
        TokenBatch.random(
            size.batchSize(), size.sequenceLength(), config.vocabularySize(), options.seed());
  }

  /** Does a step and says where its time went. */
  public StepTimes step() {
    float factor = (float) (1.0 / size.tokensPerStep());
    double forward = 0;
    double backward = 0;
    for (int i = 0; i < size.accumulation(); i++) {
      model.learn(batch, factor, steps);
      forward += model.forwardSeconds();
      backward += model.backwardSeconds();
    }
    long start = System.nanoTime();
    optimizer.update(RATE, optimizer.gradientNorm(), ++steps);
    optimizer.zeroGradients();
    backend.synchronize();
    return new StepTimes(forward, backward, (System.nanoTime() - start) / 1e9);
  }

  /** Bytes that the steps so far needed for activations and their derivatives. */
  public long activationBytes() {
    return model.activationBytes();
  }

  @Override
  public void close() {
    model.close();
    weights.close();
  }
}
