package jllm.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.train.AdapterOptions;
import jllm.train.BatchOptions;
import jllm.train.StepTimes;
import jllm.train.TimedSteps;
import jllm.train.TrainOptions;
import jllm.train.model.TrainingFlops;

/** Times whole training steps of models with random weights: forward, backward and optimizer. */
public final class TrainingBenchmark {
  private final Backend backend;
  private final double peakFlops;

  /**
   * @param peakFlops measured peak of the machine, in the backend's precision
   */
  public TrainingBenchmark(Backend backend, double peakFlops) {
    this.backend = backend;
    this.peakFlops = peakFlops;
  }

  /**
   * What was measured of a shape.
   *
   * @param rank of the adapter that was trained; 0 = all weights were
   * @param trained numbers
   * @param median of the repetitions, each phase by itself
   * @param least of the repetitions
   * @param flops of a step
   * @param peakFlops measured
   * @param statedFlops of the device's maker; NaN if not known
   */
  public record Result(
      int width,
      BatchOptions size,
      int rank,
      long trained,
      StepTimes median,
      StepTimes least,
      TrainingFlops flops,
      double peakFlops,
      double statedFlops) {

    public double tokensPerSecond() {
      return size.tokensPerStep() / median.total();
    }

    public double forwardRate() {
      return flops.forward() / median.forward();
    }

    public double backwardRate() {
      return flops.backward() / median.backward();
    }

    /** Of the whole step, the optimizer's time included and its few operations not. */
    public double rate() {
      return flops.total() / median.total();
    }

    public double shareOfPeak() {
      return rate() / peakFlops;
    }

    /** Model FLOPs utilization (Chowdhery et al. 2022, appendix B); NaN if not known. */
    public double mfu() {
      return rate() / statedFlops;
    }

    /** For JSON. */
    public Map<String, Object> record() {
      Map<String, Object> record = new LinkedHashMap<>();
      record.put("width", width);
      record.put("batch_size", size.batchSize());
      record.put("seq_len", size.sequenceLength());
      record.put("lora_rank", rank);
      record.put("parameters", trained);
      record.put("forward_seconds", median.forward());
      record.put("backward_seconds", median.backward());
      record.put("optimizer_seconds", median.optimizer());
      record.put("step_seconds", median.total());
      record.put("least_step_seconds", least.total());
      record.put("forward_flops", forwardRate());
      record.put("backward_flops", backwardRate());
      record.put("flops", rate());
      record.put("limit_flops", peakFlops);
      record.put("share_of_limit", shareOfPeak());
      if (!Double.isNaN(statedFlops)) {
        record.put("stated_flops", statedFlops);
        record.put("mfu", mfu());
      }
      record.put("tokens_per_second", tokensPerSecond());
      return record;
    }
  }

  /**
   * Measures the training of all weights.
   *
   * @param repetitions that are timed
   * @param warmUpNanos steps go on so long before: the JIT compiles the kernels meanwhile
   * @throws OutOfMemoryError if there is no room for the model
   */
  public Result run(ModelConfig config, TrainOptions options, int repetitions, long warmUpNanos) {
    try (TimedSteps steps = TimedSteps.ofWeights(backend, config, options)) {
      return measure(steps, config, options.batch(), 0, repetitions, warmUpNanos);
    }
  }

  /**
   * Measures the training of an adapter.
   *
   * @param type of the frozen matrices
   * @param repetitions that are timed
   * @param warmUpNanos steps go on so long before
   * @throws OutOfMemoryError if there is no room for the model
   */
  public Result runAdapter(
      ModelConfig config,
      DType type,
      AdapterOptions adapter,
      TrainOptions options,
      int repetitions,
      long warmUpNanos) {
    try (TimedSteps steps = TimedSteps.ofAdapter(backend, config, type, adapter, options)) {
      return measure(steps, config, options.batch(), adapter.rank(), repetitions, warmUpNanos);
    }
  }

  private Result measure(
      TimedSteps steps,
      ModelConfig config,
      BatchOptions size,
      int rank,
      int repetitions,
      long warmUpNanos) {
    List<StepTimes> times = new ArrayList<>();
    steps.warmUp(warmUpNanos);
    for (int i = 0; i < repetitions; i++) {
      times.add(steps.step());
    }
    long tokens = size.tokensPerStep();
    TrainingFlops token = steps.flops();
    return new Result(
        config.width(),
        size,
        rank,
        steps.trained(),
        quantile(times, times.size() / 2),
        quantile(times, 0),
        new TrainingFlops(token.forward() * tokens, token.backward() * tokens),
        peakFlops,
        StatedPeak.flops(backend));
  }

  private static StepTimes quantile(List<StepTimes> times, int place) {
    double[] forward = times.stream().mapToDouble(StepTimes::forward).sorted().toArray();
    double[] backward = times.stream().mapToDouble(StepTimes::backward).sorted().toArray();
    double[] optimizer = times.stream().mapToDouble(StepTimes::optimizer).sorted().toArray();
    return new StepTimes(forward[place], backward[place], optimizer[place]);
  }

  /** A table in Markdown, a line for each result. */
  public static String markdown(List<Result> results) {
    boolean stated = results.stream().anyMatch(result -> !Double.isNaN(result.statedFlops()));
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        columns(
            stated,
            "MFU",
            "width",
            "trained",
            "lora",
            "batch",
            "context",
            "forward",
            "backward",
            "optimizer",
            "step",
            "GFLOP/s f",
            "b",
            "all",
            "of peak",
            "tokens/s",
            "us/token"));
    for (Result r : results) {
      rows.add(
          columns(
              stated,
              format("%.1f %%", 100 * r.mfu()),
              format("%d", r.width()),
              format("%.2f M", r.trained() / 1e6),
              r.rank() == 0 ? "" : format("rank %d", r.rank()),
              format("%d", r.size().batchSize()),
              format("%d", r.size().sequenceLength()),
              millis(r.median().forward()),
              millis(r.median().backward()),
              millis(r.median().optimizer()),
              millis(r.median().total()),
              format("%.0f", r.forwardRate() / 1e9),
              format("%.0f", r.backwardRate() / 1e9),
              format("%.0f", r.rate() / 1e9),
              format("%.0f %%", 100 * r.shareOfPeak()),
              format("%.0f", r.tokensPerSecond()),
              format("%.1f", 1e6 / r.tokensPerSecond())));
    }
    return MarkdownTable.of(rows, column -> false);
  }

  private static List<String> columns(boolean stated, String mfu, String... others) {
    List<String> columns = new ArrayList<>(List.of(others));
    if (stated) {
      columns.add(mfu);
    }
    return columns;
  }

  private static String millis(double seconds) {
    return format("%.1f ms", seconds * 1000);
  }

  private static String format(String pattern, Object... arguments) {
    return String.format(Locale.ROOT, pattern, arguments);
  }
}
