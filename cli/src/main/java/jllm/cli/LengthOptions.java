package jllm.cli;

import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import picocli.CommandLine.Option;

/** How long a text may get. */
final class LengthOptions {
  private static final System.Logger LOG = System.getLogger(LengthOptions.class.getName());

  @Option(
      names = {"-n", "--max-tokens", "--n-predict"},
      paramLabel = "N",
      defaultValue = "256",
      description =
          "At most N new tokens; -1 = until the context is full. Default: ${DEFAULT-VALUE}.")
  int maxTokens;

  @Option(
      names = {"-c", "--ctx-size"},
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Positions for prompt and new tokens together; 0 = as many as these need, up to what the"
              + " model was made for. Default: ${DEFAULT-VALUE}.")
  int contextSize;

  void check() {
    Range.check("--max-tokens", maxTokens, -1, Integer.MAX_VALUE);
    Range.check("--ctx-size", contextSize, 0, Integer.MAX_VALUE);
  }

  /** The positions to make room for. */
  int context(ModelConfig config, int promptTokens) {
    return context(config, promptTokens, maxTokens);
  }

  /**
   * The positions to make room for.
   *
   * @param limit of new tokens, -1 = none
   */
  int context(ModelConfig config, int promptTokens, int limit) {
    if (contextSize == 0) {
      int made = config.contextLength();
      return limit < 0 ? made : (int) Math.min(made, Math.max(1L, (long) promptTokens + limit));
    }
    return checked(config, contextSize);
  }

  /** The positions that were asked for, unless the model cannot have so many. */
  static int checked(ModelConfig config, int contextSize) {
    int made = config.contextLength();
    if (contextSize > made) {
      if (config.position() instanceof PositionConfig.Learned) {
        throw new UsageException(
            "--ctx-size is "
                + contextSize
                + ", expected 1 to "
                + made
                + ": this model has learned positions, and no more than these");
      }
      LOG.log(
          System.Logger.Level.WARNING,
          "--ctx-size is "
              + contextSize
              + "; the model was made for "
              + made
              + " positions, beyond which it may write nonsense");
    }
    return contextSize;
  }
}
