package jllm.cli;

import jllm.generate.GenerationOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What is shown of how tokens were chosen. */
final class ChoiceOptions {
  private static final int EXPLAINED = 5;
  private static final int MOST = 100;

  @Option(
      names = "--logprobs",
      paramLabel = "N",
      description =
          "Write the log-probability of each token, and of the N most probable in its place: a table"
              + " after the text, or in --json.")
  @Nullable Integer logprobs;

  @Option(
      names = "--explain",
      description =
          "Show each step: the most probable tokens with bars, which of them the filters dropped, and"
              + " which was chosen (--logprobs N: that many; otherwise 5).")
  boolean explain;

  void check() {
    if (logprobs != null) {
      Range.check("--logprobs", logprobs, 0, MOST);
    }
  }

  /** As {@link GenerationOptions#alternatives}. */
  int alternatives() {
    if (logprobs != null) {
      return explain ? Math.max(1, logprobs) : logprobs;
    }
    return explain ? EXPLAINED : GenerationOptions.NO_CHOICES;
  }
}
