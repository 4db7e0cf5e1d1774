package jllm.cli;

import com.github.freva.asciitable.AsciiTable;
import com.github.freva.asciitable.Column;
import com.github.freva.asciitable.HorizontalAlign;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import jllm.format.ModelConfig;
import jllm.train.BatchOptions;
import jllm.train.RunPlan;
import jllm.train.RunSummary;
import jllm.train.TrainOptions;
import jllm.train.data.SampleData;
import jllm.train.data.TrainingData;
import jllm.train.model.ModelCosts;

/** What a run is and what it will take, and what came of it. */
final class PretrainTable {
  private final ModelConfig config;
  private final TrainOptions options;
  private final RunPlan plan;
  private final TrainingData data;
  private final long doneSteps;
  private final double secondsPerStep;

  private record Row(String name, String value) {}

  /**
   * @param doneSteps before this part of the run
   * @param secondsPerStep measured, NaN if it was not
   */
  PretrainTable(
      ModelConfig config,
      TrainOptions options,
      RunPlan plan,
      TrainingData data,
      long doneSteps,
      double secondsPerStep) {
    this.config = config;
    this.options = options;
    this.plan = plan;
    this.data = data;
    this.doneSteps = doneSteps;
    this.secondsPerStep = secondsPerStep;
  }

  /** The table, for people. */
  String text() {
    List<Row> rows = new ArrayList<>();
    rows.add(
        new Row(
            "model",
            "%s, %d layers, width %d, %d heads (%d key/value), feed-forward %d, context %d, vocabulary %d"
                .formatted(
                    config.architecture(),
                    config.layers(),
                    config.width(),
                    config.attention().heads(),
                    config.attention().kvHeads(),
                    config.feedForward().hidden(),
                    config.contextLength(),
                    config.vocabularySize())));
    rows.add(new Row("parameters", count(plan.costs().parameters())));
    rows.add(
        new Row(
            "data",
            "%s tokens to train on, %s to validate on"
                .formatted(count(plan.dataTokens()), count(data.validationTokens()))));
    BatchOptions batch = options.batch();
    rows.add(
        new Row(
            "step",
            "%d x %s%d tokens%s %s %s"
                .formatted(
                    batch.batchSize(),
                    data instanceof SampleData ? "at most " : "",
                    batch.sequenceLength(),
                    batch.accumulation() == 1 ? "" : " x " + batch.accumulation(),
                    data instanceof SampleData ? "are on average" : "=",
                    count(plan.tokensPerStep()))));
    rows.add(
        new Row(
            "run",
            String.format(
                Locale.ROOT,
                "%d steps, %s tokens, %.2f epochs%s",
                plan.steps(),
                count(plan.tokens()),
                plan.epochs(),
                doneSteps > 0 ? ", of which " + doneSteps + " steps are done" : "")));
    rows.add(
        new Row(
            "arithmetic",
            flops(plan.runFlops()) + "FLOP, " + flops(plan.flopsPerStep()) + "FLOP a step"));
    ModelCosts.Memory memory = plan.memory();
    rows.add(
        new Row(
            "memory",
            "%s at the peak: weights %s, gradients %s, optimizer %s, activations %s, program %s"
                .formatted(
                    Memory.show(memory.total()),
                    Memory.show(memory.weights()),
                    Memory.show(memory.gradients()),
                    Memory.show(memory.optimizer()),
                    Memory.show(memory.activations()),
                    Memory.show(memory.program()))));
    rows.add(new Row("checkpoint", Memory.show(plan.checkpointBytes())));
    if (!Double.isNaN(secondsPerStep)) {
      rows.add(
          new Row(
              "time",
              "about %s (%s a step)"
                  .formatted(
                      duration(secondsPerStep * (plan.steps() - doneSteps)),
                      duration(secondsPerStep))));
    }
    return AsciiTable.builder()
        .border(AsciiTable.NO_BORDERS)
        .data(
            rows,
            List.of(
                new Column().dataAlign(HorizontalAlign.LEFT).with(Row::name),
                new Column().dataAlign(HorizontalAlign.LEFT).maxWidth(200).with(Row::value)))
        .asString()
        .lines()
        .filter(line -> !line.isBlank())
        .map(String::stripTrailing)
        .reduce("", (all, line) -> all + line + "\n");
  }

  /** The plan, and the result if there is one, for programs. */
  void write(Json json) throws IOException {
    json.field("architecture", config.architecture());
    json.field("parameters", plan.costs().parameters());
    json.field("steps", plan.steps());
    json.field("tokens", plan.tokens());
    json.field("tokens_per_step", plan.tokensPerStep());
    json.field("train_tokens", plan.dataTokens());
    json.field("val_tokens", data.validationTokens());
    if (data instanceof SampleData samples) {
      json.field("train_samples", samples.trainingSamples());
      json.field("val_samples", samples.validationSamples());
      json.field("learned_tokens", samples.learnedTokens());
    }
    json.field("flops", plan.runFlops());
    json.field("memory_bytes", plan.memory().total());
    json.field("checkpoint_bytes", plan.checkpointBytes());
    if (!Double.isNaN(secondsPerStep)) {
      json.field("seconds_per_step", secondsPerStep);
    }
  }

  /** The end of a run, on one line; NaN for a peak that is not known. */
  static String line(RunSummary summary, long firstStep, double flopsPerStep, double peakFlops) {
    long steps = summary.steps() - firstStep;
    StringBuilder line = new StringBuilder();
    line.append(
        String.format(
            Locale.ROOT,
            "%d steps, %s tokens%s in %s",
            steps,
            count(summary.tokens()),
            summary.trained() == summary.tokens()
                ? ""
                : " (" + count(summary.trained()) + " of them trained)",
            duration(summary.seconds())));
    if (!Double.isNaN(peakFlops)) {
      line.append(
          String.format(
              Locale.ROOT,
              " (%.0f %% of the peak)",
              100 * steps * flopsPerStep / summary.seconds() / peakFlops));
    }
    line.append(String.format(Locale.ROOT, "; last loss %.4f", summary.lastLoss()));
    if (summary.lastEvaluation() != null) {
      line.append(
          String.format(
              Locale.ROOT,
              "; validation loss %.4f, best %.4f at step %d",
              summary.lastEvaluation().loss(),
              summary.bestLoss(),
              summary.bestStep()));
    }
    if (summary.early()) {
      line.append("; ended early, since measurements became no better");
    }
    if (summary.skipped() > 0) {
      line.append("; ").append(summary.skipped()).append(" steps left out");
    }
    return line.toString();
  }

  private static String count(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }

  private static String flops(double value) {
    String[] units = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
    int unit = 0;
    double scaled = value;
    while (scaled >= 999.5 && unit < units.length - 1) {
      scaled /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, "%.3g %s", scaled, units[unit]);
  }

  static String duration(double seconds) {
    if (seconds < 1) {
      return String.format(Locale.ROOT, "%.0f ms", seconds * 1000);
    }
    if (seconds < 90) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    }
    long s = Math.round(seconds);
    return s < 5400
        ? "%d min %d s".formatted(s / 60, s % 60)
        : "%d h %d min".formatted(s / 3600, s % 3600 / 60);
  }
}
