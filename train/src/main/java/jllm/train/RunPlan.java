package jllm.train;

import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.train.data.TrainingData;
import jllm.train.model.ModelCosts;
import jllm.train.model.TrainingFlops;

/**
 * What a run will take, known before it begins.
 *
 * @param costs of the model
 * @param flops of training for one token
 * @param memory that training holds
 * @param steps of the whole run
 * @param tokensPerStep that each reads, on average
 * @param dataTokens tokens of one pass through the training data
 * @param checkpointBytes of each checkpoint
 */
public record RunPlan(
    ModelCosts costs,
    TrainingFlops flops,
    ModelCosts.Memory memory,
    long steps,
    long tokensPerStep,
    long dataTokens,
    long checkpointBytes) {

  /** Small files of a checkpoint. */
  private static final long AROUND = 4 << 20;

  /**
   * The plan of a run.
   *
   * @param backend that computes
   * @throws DataException if the data are too few for a batch
   */
  public static RunPlan of(
      ModelConfig config, TrainOptions options, TrainingData data, Backend backend) {
    BatchOptions batch = options.batch();
    long dataTokens = data.epochTokens(batch);
    ModelCosts costs = ModelCosts.of(config, batch.sequenceLength());
    ModelCosts.Memory memory =
        costs.memory(
            config,
            data.largestBatch(batch),
            options.recompute(),
            options.dropout() > 0,
            options.weightType(),
            backend);
    // A checkpoint holds the weights, their masters and the moments: all but the gradients.
    return new RunPlan(
        costs,
        costs.training(),
        memory,
        options.horizon().steps(batch, data),
        Math.round(data.tokensPerStep(batch)),
        dataTokens,
        memory.weights() + memory.optimizer() + AROUND);
  }

  /** Tokens that the whole run reads. */
  public long tokens() {
    return steps * tokensPerStep;
  }

  /** Passes through the training data. */
  public double epochs() {
    return (double) tokens() / dataTokens;
  }

  /** Floating-point operations of one step. */
  public double flopsPerStep() {
    return flops.total() * tokensPerStep;
  }

  /** Floating-point operations of the whole run. */
  public double runFlops() {
    return flopsPerStep() * steps;
  }
}
