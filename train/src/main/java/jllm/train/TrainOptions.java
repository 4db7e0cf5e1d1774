package jllm.train;

import jllm.tensor.DType;

/**
 * How a model is trained.
 *
 * @param dropout probability with which embeddings, attention weights and what sublayers add are
 *     left out (Srivastava et al. 2014)
 * @param balance factor on the load-balancing loss of models with experts, which keeps them all in
 *     use; it is not part of the losses that are reported
 * @param recompute whether the activations inside blocks are computed again for the gradients
 *     instead of kept: less memory, a third more work
 * @param weightType F32, or BF16: then the optimizer keeps F32 masters
 * @param seed of first weights, dropout, stochastic rounding and sampled texts; the order of the
 *     data has its own
 */
public record TrainOptions(
    BatchOptions batch,
    Horizon horizon,
    ScheduleOptions schedule,
    OptimizerOptions optimizer,
    EvaluationOptions evaluation,
    CheckpointOptions checkpoints,
    GuardOptions guard,
    SampleOptions sample,
    double dropout,
    double balance,
    boolean recompute,
    DType weightType,
    long seed) {

  public static final double USUAL_BALANCE = 0.01;

  public TrainOptions {
    if (!(dropout >= 0 && dropout < 1)) {
      throw new SettingsException(
          "a dropout of " + dropout + ", expected at least 0 and less than 1");
    }
    if (!(balance >= 0) || Double.isInfinite(balance)) {
      throw new SettingsException(
          "a factor of " + balance + " on the load-balancing loss, expected 0 or more");
    }
    if (weightType != DType.F32 && weightType != DType.BF16) {
      throw new SettingsException("weights of type " + weightType + ", expected F32 or BF16");
    }
    if (optimizer.stochasticRounding() && weightType == DType.F32) {
      throw new SettingsException(
          "--stochastic-rounding is of the BF16 copies that a model computes with, but this one is"
              + " trained in float32 and has none; choose --dtype bf16, or leave the option out");
    }
  }

  /** No evaluation, no texts, one checkpoint at the end. */
  public static TrainOptions of(BatchOptions batch, Horizon horizon, ScheduleOptions schedule) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        OptimizerOptions.USUAL,
        EvaluationOptions.NEVER,
        CheckpointOptions.AT_END,
        GuardOptions.USUAL,
        SampleOptions.NEVER,
        0,
        USUAL_BALANCE,
        false,
        DType.F32,
        0);
  }

  public TrainOptions withOptimizer(OptimizerOptions value) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        value,
        evaluation,
        checkpoints,
        guard,
        sample,
        dropout,
        balance,
        recompute,
        weightType,
        seed);
  }

  public TrainOptions withEvaluation(EvaluationOptions value) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        optimizer,
        value,
        checkpoints,
        guard,
        sample,
        dropout,
        balance,
        recompute,
        weightType,
        seed);
  }

  public TrainOptions withCheckpoints(CheckpointOptions value) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        optimizer,
        evaluation,
        value,
        guard,
        sample,
        dropout,
        balance,
        recompute,
        weightType,
        seed);
  }

  public TrainOptions withGuard(GuardOptions value) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        optimizer,
        evaluation,
        checkpoints,
        value,
        sample,
        dropout,
        balance,
        recompute,
        weightType,
        seed);
  }

  public TrainOptions withSample(SampleOptions value) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        optimizer,
        evaluation,
        checkpoints,
        guard,
        value,
        dropout,
        balance,
        recompute,
        weightType,
        seed);
  }

  public TrainOptions withDropout(double value) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        optimizer,
        evaluation,
        checkpoints,
        guard,
        sample,
        value,
        balance,
        recompute,
        weightType,
        seed);
  }

  public TrainOptions withRecompute(boolean value) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        optimizer,
        evaluation,
        checkpoints,
        guard,
        sample,
        dropout,
        balance,
        value,
        weightType,
        seed);
  }

  public TrainOptions withWeightType(DType value) {
    return new TrainOptions(
        batch,
        horizon,
        schedule,
        optimizer,
        evaluation,
        checkpoints,
        guard,
        sample,
        dropout,
        balance,
        recompute,
        value,
        seed);
  }
}
