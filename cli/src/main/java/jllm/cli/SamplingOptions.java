package jllm.cli;

import java.util.SplittableRandom;
import jllm.generate.SamplingSettings;
import picocli.CommandLine.Option;

/** How the next token is chosen; names, defaults and meaning as in llama.cpp. */
final class SamplingOptions {
  @Option(
      names = {"--temp", "--temperature"},
      paramLabel = "T",
      defaultValue = "0.8",
      description =
          "Above 1 more surprising, below 1 less, 0 always the most probable token. Default: ${DEFAULT-VALUE}.")
  double temperature;

  @Option(
      names = {"--top-k"},
      paramLabel = "K",
      defaultValue = "40",
      description = "Only the K most probable tokens; 0 = off. Default: ${DEFAULT-VALUE}.")
  int topK;

  @Option(
      names = {"--top-p"},
      paramLabel = "P",
      defaultValue = "0.95",
      description =
          "Only the most probable tokens that together reach probability P; 1 = off. Default: ${DEFAULT-VALUE}.")
  double topP;

  @Option(
      names = {"--min-p"},
      paramLabel = "P",
      defaultValue = "0.05",
      description =
          "Only tokens at least P times as probable as the best; 0 = off. Default: ${DEFAULT-VALUE}.")
  double minP;

  @Option(
      names = {"--repeat-penalty"},
      paramLabel = "R",
      defaultValue = "1.0",
      description = "Makes tokens that occurred less likely; 1 = off. Default: ${DEFAULT-VALUE}.")
  double repeatPenalty;

  @Option(
      names = {"--repeat-last-n"},
      paramLabel = "N",
      defaultValue = "64",
      description =
          "Tokens that the penalty looks back, prompt included; 0 = off, -1 = all. Default: ${DEFAULT-VALUE}.")
  int repeatLastN;

  @Option(
      names = {"-s", "--seed"},
      paramLabel = "SEED",
      defaultValue = "-1",
      description =
          "Of the random numbers: the same seed gives the same text; -1 = a new one each time. Default: ${DEFAULT-VALUE}.")
  long seed;

  /** Checks the ranges of all options. */
  void check() {
    Range.check("--temp", temperature, 0, Float.MAX_VALUE);
    Range.check("--top-k", topK, 0, Integer.MAX_VALUE);
    Range.check("--top-p", topP, 0, 1);
    Range.check("--min-p", minP, 0, 1);
    Range.check("--repeat-penalty", repeatPenalty, 0.001, 1000);
    Range.check("--repeat-last-n", repeatLastN, -1, Integer.MAX_VALUE);
    Range.check("--seed", seed, -1, Long.MAX_VALUE);
  }

  /**
   * The settings; without a seed, with a new one.
   *
   * @param context positions that a text can have at most
   */
  SamplingSettings settings(int context) {
    return new SamplingSettings(
        temperature,
        topK,
        topP,
        minP,
        repeatPenalty,
        repeatLastN < 0 ? context : Math.min(repeatLastN, context),
        seed >= 0 ? seed : new SplittableRandom().nextLong(1L << 32));
  }
}
