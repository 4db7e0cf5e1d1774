package jllm.train;

import jllm.format.WeightSource;
import jllm.tensor.Backend;
import jllm.train.data.TokenBatch;

/** A few training steps of a model on random tokens, for what their losses are. */
public final class StepLosses {
  private static final int USUAL_STEPS = 10;
  private static final double RATE = 1e-4;

  private StepLosses() {}

  /** The losses of ten steps. */
  public static double[] of(WeightSource weights, Backend backend, TrainOptions options) {
    return of(weights, backend, options, USUAL_STEPS);
  }

  /** The losses of so many steps. */
  public static double[] of(
      WeightSource weights, Backend backend, TrainOptions options, int steps) {
    return of(weights, backend, options, steps, RATE);
  }

  /**
   * The mean loss of each step, before its update.
   *
   * @param weights copied, of whatever type
   * @param options the size of a batch, the optimizer and the seed count
   * @param rate of learning
   */
  public static double[] of(
      WeightSource weights, Backend backend, TrainOptions options, int steps, double rate) {
    BatchOptions size = options.batch();
    double[] losses = new double[steps];
    try (TrainedWeights trained = TrainedWeights.copy(weights, options.weightType(), backend);
        ModelStep model = new ModelStep(trained, backend, size.tokensPerBatch(), false, options);
        StepTotals totals = new StepTotals(backend)) {
      AdamW optimizer = new AdamW(trained, backend.training(), options.optimizer(), options.seed());
      TokenBatch batch =
          TokenBatch.random(
              size.batchSize(),
              size.sequenceLength(),
              weights.config().vocabularySize(),
              options.seed());
      for (int step = 0; step < steps; step++) {
        totals.reset();
        totals.addLosses(model.learn(batch, 1f / batch.trained(), step));
        optimizer.norm(totals);
        optimizer.update(rate, step + 1, totals);
        optimizer.zeroGradients();
        losses[step] = totals.read().losses() / batch.trained();
      }
    }
    return losses;
  }
}
