package jllm.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.generate.Penalties;
import jllm.generate.SamplingSettings;
import picocli.CommandLine.Option;

/** How the next token is chosen; names, defaults and meaning as in llama.cpp. */
final class SamplingOptions {
  private static final double MOST_PENALTY = 100;

  /** The names of the options, but that of the seed. */
  static final List<String> NAMES =
      List.of(
          "--temp",
          "--top-k",
          "--top-p",
          "--min-p",
          "--repeat-penalty",
          "--presence-penalty",
          "--frequency-penalty",
          "--repeat-last-n",
          "--logit-bias");

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
      names = {"--presence-penalty"},
      paramLabel = "X",
      defaultValue = "0",
      description =
          "Subtracted from the logits of tokens that occurred. Default: ${DEFAULT-VALUE}.")
  double presencePenalty;

  @Option(
      names = {"--frequency-penalty"},
      paramLabel = "X",
      defaultValue = "0",
      description = "The same for each time that they occurred. Default: ${DEFAULT-VALUE}.")
  double frequencyPenalty;

  @Option(
      names = {"--repeat-last-n"},
      paramLabel = "N",
      defaultValue = "64",
      description =
          "Tokens that the penalties look back, prompt included; 0 = off, -1 = all. Default: ${DEFAULT-VALUE}.")
  int repeatLastN;

  @Option(
      names = {"-l", "--logit-bias"},
      paramLabel = "TOKEN(+/-)BIAS",
      converter = LogitBias.Converter.class,
      description =
          "Makes the token with this id likelier, as in 15043+1, or less so; 15043-inf bans it. May"
              + " be given more than once.")
  List<LogitBias> logitBiases = new ArrayList<>();

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
    Range.check("--presence-penalty", presencePenalty, -MOST_PENALTY, MOST_PENALTY);
    Range.check("--frequency-penalty", frequencyPenalty, -MOST_PENALTY, MOST_PENALTY);
    Range.check("--repeat-last-n", repeatLastN, -1, Integer.MAX_VALUE);
    Range.check("--seed", seed, -1, Long.MAX_VALUE);
  }

  /**
   * The settings; without a seed, with a new one.
   *
   * @param context positions that a text can have at most
   */
  SamplingSettings settings(int context) {
    Map<Integer, Float> bias = new HashMap<>();
    logitBiases.forEach(given -> bias.merge(given.token(), given.bias(), Float::sum));
    int window = repeatLastN < 0 ? context : Math.min(repeatLastN, context);
    return new SamplingSettings(
        temperature,
        topK,
        topP,
        minP,
        new Penalties(repeatPenalty, presencePenalty, frequencyPenalty, window),
        bias,
        seed >= 0 ? seed : new SplittableRandom().nextLong(1L << 32));
  }
}
