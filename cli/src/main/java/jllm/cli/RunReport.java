package jllm.cli;

import java.io.IOException;
import java.nio.file.Path;
import jllm.train.EvaluationReport;
import jllm.train.RunSummary;
import org.jspecify.annotations.Nullable;

/**
 * What a training run ended with, for programs.
 *
 * @param run its folder
 * @param plot of its losses, absent if there is none
 * @param gguf what was written for llama.cpp, absent if nothing was
 */
record RunReport(RunSummary summary, Path run, @Nullable Path plot, @Nullable Path gguf) {

  void write(Json json) throws IOException {
    json.field("run", run.toString());
    json.field("steps_done", summary.steps());
    json.field("stopped", summary.stopped());
    json.field("tokens_read", summary.tokens());
    json.field("tokens_trained", summary.trained());
    json.field("loss", summary.lastLoss());
    EvaluationReport evaluation = summary.lastEvaluation();
    if (evaluation != null) {
      json.field("val_loss", evaluation.loss());
      json.field("bits_per_byte", evaluation.bitsPerByte());
      json.field("best_val_loss", summary.bestLoss());
      json.field("best_step", summary.bestStep());
    }
    json.field("skipped_steps", summary.skipped());
    json.field("seconds", summary.seconds());
    json.field("checkpoint", text(summary.checkpoint()));
    json.field("plot", text(plot));
    json.field("gguf", text(gguf));
  }

  private static @Nullable String text(@Nullable Path path) {
    return path == null ? null : path.toString();
  }
}
