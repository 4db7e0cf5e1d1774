package jllm.cli;

import java.util.Locale;
import jllm.tensor.DType;
import jllm.train.BatchOptions;
import jllm.train.CheckpointOptions;
import jllm.train.EvaluationOptions;
import jllm.train.GuardOptions;
import jllm.train.Horizon;
import jllm.train.OptimizerOptions;
import jllm.train.SampleOptions;
import jllm.train.ScheduleOptions;
import jllm.train.TrainOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a model is trained: batches, length of the run, optimizer, and what happens on the way. */
final class PretrainLoopOptions {
  private static final int USUAL_BATCH = 12;
  private static final long USUAL_WARMUP = 100;
  private static final long USUAL_SAMPLES = 500;
  private static final int WARMUP_SHARE = 10;

  /** Whether a model is tuned, not made. */
  private final boolean tunes;

  PretrainLoopOptions(boolean tunes) {
    this.tunes = tunes;
  }

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "" + USUAL_BATCH,
      description = "Sequences computed at once. Default: ${DEFAULT-VALUE}.")
  private int batchSize = USUAL_BATCH;

  @Option(
      names = {"--seq-len", "--max-seq-length"},
      paramLabel = "N",
      description = "Tokens of a sequence. Default: the context of the model.")
  private @Nullable Integer sequenceLength;

  @Option(
      names = "--grad-accum",
      paramLabel = "N",
      description = "Batches whose gradients make one step. Default: 1.")
  private @Nullable Integer accumulation;

  @Option(
      names = "--total-batch-tokens",
      paramLabel = "N",
      description = "Tokens of a step; sets --grad-accum.")
  private @Nullable Long totalBatchTokens;

  @Option(names = "--iters", paramLabel = "N", description = "Length of the run in steps.")
  private @Nullable Long iters;

  @Option(names = "--tokens", paramLabel = "N", description = "Length of the run in tokens.")
  private @Nullable Double tokens;

  @Option(
      names = "--epochs",
      paramLabel = "F",
      description = "Length of the run in passes through the data. Default: 1.")
  private @Nullable Double epochs;

  @Option(
      names = {"--lr", "--learning-rate"},
      paramLabel = "F",
      defaultValue = "1e-3",
      description = "Greatest learning rate. Default: ${DEFAULT-VALUE}.")
  double rate;

  @Option(
      names = "--min-lr",
      paramLabel = "F",
      description = "Learning rate at the end. Default: a tenth of --lr.")
  private @Nullable Double minRate;

  @Option(
      names = "--schedule",
      paramLabel = "KIND",
      defaultValue = "cosine",
      description = "constant, linear, cosine or wsd (warm-up, stable, decay). Default: cosine.")
  private ScheduleOptions.Kind schedule = ScheduleOptions.Kind.COSINE;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description =
          "Steps in which the learning rate rises. Default: 100, at most a tenth of the run; 0 with a"
              + " constant schedule.")
  private @Nullable Long warmup;

  @Option(
      names = "--beta1",
      paramLabel = "F",
      defaultValue = "0.9",
      description = "Of AdamW. Default: ${DEFAULT-VALUE}.")
  private double beta1;

  @Option(
      names = "--beta2",
      paramLabel = "F",
      defaultValue = "0.95",
      description = "Of AdamW. Default: ${DEFAULT-VALUE}.")
  private double beta2;

  @Option(
      names = "--eps",
      paramLabel = "F",
      defaultValue = "1e-8",
      description = "Of AdamW. Default: ${DEFAULT-VALUE}.")
  private double eps;

  @Option(
      names = "--weight-decay",
      paramLabel = "F",
      defaultValue = "0.1",
      description = "Decoupled, of matrices. Default: ${DEFAULT-VALUE}.")
  private double weightDecay;

  @Option(names = "--decay-all", description = "Biases and norms decay, too.")
  private boolean decayAll;

  @Option(
      names = "--grad-clip",
      paramLabel = "F",
      defaultValue = "1",
      description = "Greatest norm of the gradient; 0 = off. Default: ${DEFAULT-VALUE}.")
  private double gradClip;

  @Option(
      names = "--stochastic-rounding",
      description =
          "Round what is trained in bf16 up or down by chance, so that small changes are not lost;"
              + " default: to nearest.")
  private boolean stochasticRounding;

  @Option(
      names = "--dropout",
      paramLabel = "F",
      defaultValue = "0",
      description = "Default: ${DEFAULT-VALUE}.")
  private double dropout;

  @Option(
      names = "--router-aux-loss-coef",
      paramLabel = "F",
      defaultValue = "0.01",
      description = "Weight of the loss that keeps experts in balance. Default: ${DEFAULT-VALUE}.")
  private double balance;

  @Option(
      names = "--grad-checkpoint",
      description =
          "Compute activations again instead of keeping them: less memory, a third slower.")
  private boolean recompute;

  @Option(
      names = {"-s", "--seed"},
      paramLabel = "N",
      defaultValue = "1337",
      description = "Of weights, order and dropout. Default: ${DEFAULT-VALUE}.")
  long seed;

  @Option(
      names = "--eval-every",
      paramLabel = "N",
      defaultValue = "250",
      description = "Steps between measurements; 0 = none. Default: ${DEFAULT-VALUE}.")
  private long evalEvery;

  @Option(
      names = "--eval-iters",
      paramLabel = "N",
      defaultValue = "20",
      description = "Batches of a measurement; 0 = all. Default: ${DEFAULT-VALUE}.")
  private int evalIters;

  @Option(
      names = "--early-stopping-patience",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "End after N measurements in a row that are no better than the best one before, whose"
              + " checkpoint is kept; 0 = do not. Default: ${DEFAULT-VALUE}.")
  private int patience;

  @Option(
      names = "--save-every",
      paramLabel = "N",
      defaultValue = "500",
      description = "Steps between checkpoints; 0 = at the end alone. Default: ${DEFAULT-VALUE}.")
  private long saveEvery;

  @Option(
      names = "--keep",
      paramLabel = "N",
      defaultValue = "2",
      description = "Newest checkpoints that are kept; 0 = all. Default: ${DEFAULT-VALUE}.")
  private int keep;

  @Option(
      names = "--keep-best",
      description = "Save at each least validation loss, and keep the best checkpoint.")
  private boolean keepBest;

  @Option(
      names = "--sample-every",
      paramLabel = "N",
      description =
          "Steps between texts that the model writes; 0 = none. Default: 500, in fine-tuning those of"
              + " --eval-every.")
  private @Nullable Long sampleEvery;

  @Option(
      names = "--sample-prompt",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "What those texts go on with.")
  private String samplePrompt = "";

  @Option(
      names = "--sample-tokens",
      paramLabel = "N",
      defaultValue = "100",
      description = "Their length. Default: ${DEFAULT-VALUE}.")
  private int sampleTokens;

  @Option(
      names = "--max-non-finite",
      paramLabel = "N",
      defaultValue = "5",
      description =
          "Give up after so many steps in a row without a finite loss. Default: ${DEFAULT-VALUE}.")
  private int maxNonFinite;

  @Option(
      names = "--detect-anomaly",
      description =
          "End at the first step without a finite loss or gradient (exit 6); it is computed again to"
              + " say which operation gave the first such number. Costs nothing before.")
  boolean detectAnomaly;

  @Option(
      names = "--skip-spikes",
      paramLabel = "Z",
      defaultValue = "0",
      description =
          "Leave out steps whose loss is so many standard deviations above the last ones; 0 = none.")
  private double spikes;

  /** Sequences of a batch, their length and the number of batches of a step. */
  BatchOptions batch(int context) {
    int length = sequenceLength == null ? context : sequenceLength;
    if (totalBatchTokens == null) {
      return new BatchOptions(batchSize, length, accumulation == null ? 1 : accumulation);
    }
    if (accumulation != null) {
      throw new UsageException("--total-batch-tokens sets --grad-accum; leave one of them out");
    }
    return BatchOptions.ofTotalTokens(batchSize, length, totalBatchTokens);
  }

  /** How long the run is. */
  Horizon horizon() {
    int given = (iters == null ? 0 : 1) + (tokens == null ? 0 : 1) + (epochs == null ? 0 : 1);
    if (given > 1) {
      throw new UsageException(
          "--iters, --tokens and --epochs all say how long the run is; choose one");
    }
    if (iters != null) {
      return new Horizon.Steps(iters);
    }
    return tokens != null
        ? new Horizon.Tokens(Math.round(tokens))
        : new Horizon.Epochs(epochs == null ? 1 : epochs);
  }

  /**
   * All of them.
   *
   * @param steps of the run
   * @param weights type of the matrices that the model computes with
   */
  TrainOptions options(BatchOptions batch, long steps, DType weights) {
    return new TrainOptions(
        batch,
        horizon(),
        new ScheduleOptions(
            schedule,
            rate,
            minRate == null ? rate / 10 : minRate,
            warmup == null ? usualWarmup(steps) : warmup,
            ScheduleOptions.DECAY_FRACTION),
        new OptimizerOptions(
            beta1, beta2, eps, weightDecay, decayAll, gradClip, stochasticRounding),
        new EvaluationOptions(evalEvery, evalIters, patience),
        new CheckpointOptions(saveEvery, keep, keepBest || patience > 0),
        new GuardOptions(maxNonFinite, spikes, GuardOptions.USUAL.spikeWindow(), detectAnomaly),
        new SampleOptions(
            sampleEvery == null ? usualSamples() : sampleEvery,
            samplePrompt,
            sampleTokens,
            SampleOptions.NEVER.temperature()),
        dropout,
        balance,
        recompute,
        weights,
        seed);
  }

  private long usualSamples() {
    return tunes ? evalEvery : USUAL_SAMPLES;
  }

  private long usualWarmup(long steps) {
    return schedule == ScheduleOptions.Kind.CONSTANT
        ? 0
        : Math.min(USUAL_WARMUP, steps / WARMUP_SHARE);
  }

  /** The schedule, for people. */
  String describeSchedule() {
    return schedule.name().toLowerCase(Locale.ROOT);
  }
}
