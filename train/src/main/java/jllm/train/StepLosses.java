package jllm.train;

import jllm.format.WeightSource;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.train.data.TokenBatch;

/** A few training steps of a model on random tokens, for what their losses are. */
public final class StepLosses {
  private static final int STEPS = 10;
  private static final double RATE = 1e-4;

  private StepLosses() {}

  /**
   * The mean loss of each step, before its update.
   *
   * @param weights copied, of whatever type
   * @param options the size of a batch, the optimizer and the seed count
   */
  public static double[] of(WeightSource weights, Backend backend, TrainOptions options) {
    BatchOptions size = options.batch();
    double[] losses = new double[STEPS];
    try (TrainedWeights trained = TrainedWeights.copy(weights, DType.F32, backend);
        ModelStep model = new ModelStep(trained, backend, size.tokensPerBatch(), false, options)) {
      AdamW optimizer = new AdamW(trained, backend.training(), options.optimizer());
      TokenBatch batch =
          TokenBatch.random(
              size.batchSize(),
              size.sequenceLength(),
              weights.config().vocabularySize(),
              options.seed());
      for (int step = 0; step < STEPS; step++) {
        losses[step] = model.learn(batch, 1f / batch.trained(), step) / batch.trained();
        optimizer.update(RATE, optimizer.gradientNorm(), step + 1);
        optimizer.zeroGradients();
      }
    }
    return losses;
  }
}
