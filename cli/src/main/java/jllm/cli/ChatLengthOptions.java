package jllm.cli;

import jllm.format.ModelConfig;
import picocli.CommandLine.Option;

/** How long answers and the whole talk may get. */
final class ChatLengthOptions {
  /** A model made for far more would need gigabytes for what is rarely used. */
  private static final int USUAL_CONTEXT = 4096;

  @Option(
      names = {"-n", "--max-tokens", "--n-predict"},
      paramLabel = "N",
      defaultValue = "-1",
      description =
          "At most N tokens an answer; -1 = until the model ends it. Default: ${DEFAULT-VALUE}.")
  int maxTokens;

  @Option(
      names = {"-c", "--ctx-size"},
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Tokens of the talk that the model sees; 0 = what it was made for, up to 4096. When they"
              + " are used up, the oldest turns are left out. Default: ${DEFAULT-VALUE}.")
  int contextSize;

  void check() {
    Range.check("--max-tokens", maxTokens, -1, Integer.MAX_VALUE);
    Range.check("--ctx-size", contextSize, 0, Integer.MAX_VALUE);
  }

  /** The positions to make room for. */
  int context(ModelConfig config) {
    return contextSize == 0
        ? Math.min(config.contextLength(), USUAL_CONTEXT)
        : LengthOptions.checked(config, contextSize);
  }
}
