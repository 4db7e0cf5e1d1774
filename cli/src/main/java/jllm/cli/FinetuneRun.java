package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import jllm.tensor.Backend;
import jllm.tokenize.Tokenizer;
import jllm.train.Checkpoint;
import jllm.train.Checkpoints;
import jllm.train.EvaluationReport;
import jllm.train.RunPlan;
import jllm.train.RunSummary;
import jllm.train.TrainOptions;
import jllm.train.TrainedTensors;
import jllm.train.Trainer;
import jllm.train.data.TrainingData;
import jllm.train.plot.LossPlot;
import org.jspecify.annotations.Nullable;

/** Tunes a model, writes what came of it, and says what it did to the model. */
final class FinetuneRun {
  /** Most time that goes into the estimate of the run's. */
  private static final long PROBE_NANOS = 2_000_000_000L;

  private final Job job;
  private final Backend backend;
  private final PretrainDisplay display;
  private final Streams streams;
  private final OutputOptions output;

  /**
   * What is to be done.
   *
   * @param folder of the run, and of the result
   * @param gguf file of the result for llama.cpp, absent if it is not wanted
   * @param settings noted in checkpoints
   */
  record Job(
      Tuning tuning,
      TrainingData data,
      @Nullable Tokenizer tokenizer,
      TrainOptions options,
      Path folder,
      @Nullable Path gguf,
      Map<String, Object> settings) {}

  private record Outcome(PretrainTable table, RunSummary summary) {}

  FinetuneRun(
      Job job, Backend backend, PretrainDisplay display, Streams streams, OutputOptions output) {
    this.job = job;
    this.backend = backend;
    this.display = display;
    this.streams = streams;
    this.output = output;
  }

  /**
   * Runs, from the beginning or a checkpoint on.
   *
   * @return the exit code
   */
  int run(@Nullable Checkpoint checkpoint) throws IOException {
    Outcome outcome = train(checkpoint);
    RunSummary summary = outcome.summary();
    if (!summary.stopped() && keepsBest(summary)) {
      Path path = Checkpoints.of(job.folder(), summary.bestStep());
      try (TrainedTensors best = job.tuning().open(Checkpoint.open(path), backend)) {
        write(best);
      }
    }
    Path plot = LossPlot.draw(job.folder());
    sayPerplexity(summary);
    report(outcome, plot);
    return summary.stopped() ? ExitCode.INTERRUPTED : ExitCode.OK;
  }

  private Outcome train(@Nullable Checkpoint checkpoint) throws IOException {
    try (TrainedTensors tensors = job.tuning().open(checkpoint, backend)) {
      RunPlan plan = tensors.plan(job.options(), job.data());
      Memory.require(plan, backend);
      try (Trainer trainer =
          new Trainer(
              backend,
              tensors,
              job.data(),
              job.tokenizer(),
              job.options(),
              job.folder(),
              job.settings(),
              display,
              checkpoint)) {
        long first = trainer.step();
        double seconds = first >= plan.steps() ? Double.NaN : trainer.probe(PROBE_NANOS);
        PretrainTable table =
            new PretrainTable(tensors.config(), job.options(), plan, job.data(), first, seconds);
        if (!output.quiet) {
          streams.err().print(job.tuning().describe(tensors) + "\n" + table.text());
        }
        display.begin(plan.steps(), plan.flopsPerStep(), Double.NaN);
        RunSummary summary = trainer.run();
        display.close();
        if (!summary.stopped() && !keepsBest(summary)) {
          write(tensors);
        }
        if (!output.quiet) {
          streams
              .err()
              .println(PretrainTable.line(summary, first, plan.flopsPerStep(), Double.NaN));
        }
        return new Outcome(table, summary);
      }
    }
  }

  /** With early stopping, what measured best is the result, and not what came last. */
  private boolean keepsBest(RunSummary summary) {
    return job.options().evaluation().patience() > 0
        && summary.bestStep() >= 0
        && summary.bestStep() < summary.steps();
  }

  private void write(TrainedTensors tensors) throws IOException {
    for (String lost : job.tuning().write(tensors, job.folder(), job.gguf())) {
      streams.err().println("jllm: note: " + job.gguf() + ": " + lost);
    }
  }

  private double lossAfter(RunSummary summary) {
    EvaluationReport last = summary.lastEvaluation();
    if (last == null || last.step() != summary.steps()) {
      return Double.NaN;
    }
    return keepsBest(summary) ? summary.bestLoss() : last.loss();
  }

  private void sayPerplexity(RunSummary summary) {
    if (output.quiet || summary.stopped()) {
      return;
    }
    double after = lossAfter(summary);
    streams
        .err()
        .println(
            Double.isNaN(after)
                ? "nothing was kept to measure on (--val-data, --val-fraction, --eval-every): what tuning did is not known"
                : String.format(
                    Locale.ROOT,
                    "perplexity on what was not trained: %.3f before, %.3f after",
                    Math.exp(summary.firstLoss()),
                    Math.exp(after)));
  }

  private void report(Outcome outcome, @Nullable Path plot) throws IOException {
    RunSummary summary = outcome.summary();
    Path checkpoint = summary.checkpoint();
    if (!output.json) {
      Path result = summary.stopped() && checkpoint != null ? checkpoint : job.folder();
      streams.out().print(result + "\n");
      return;
    }
    try (Json json = new Json(streams.out())) {
      json.begin();
      outcome.table().write(json);
      Path gguf = summary.stopped() ? null : job.gguf();
      new RunReport(summary, job.folder(), plot, gguf).write(json);
      double after = lossAfter(summary);
      if (!Double.isNaN(after)) {
        json.field("perplexity_before", Math.exp(summary.firstLoss()));
        json.field("perplexity_after", Math.exp(after));
      }
      json.end();
    }
  }
}
