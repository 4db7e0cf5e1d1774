package jllm.generate;

import java.util.Map;

/**
 * How the next token is chosen. The steps follow each other in llama.cpp's order: logit bias,
 * penalties, top-k, top-p, min-p, temperature, draw.
 *
 * @param temperature 0 = always the most probable token (after bias and penalties)
 * @param topK only so many of the most probable tokens; 0 = off
 * @param topP only the most probable tokens that together have this probability; 1 = off
 * @param minP only tokens at least this share as probable as the best; 0 = off
 * @param penalties for tokens that occurred
 * @param logitBias what is added to the logits of tokens; negative infinity bans one
 * @param seed of the random numbers: the same seed gives the same text
 */
public record SamplingSettings(
    double temperature,
    int topK,
    double topP,
    double minP,
    Penalties penalties,
    Map<Integer, Float> logitBias,
    long seed) {

  public SamplingSettings {
    Requirement.check(
        temperature >= 0 && temperature < Double.POSITIVE_INFINITY,
        "temperature",
        temperature,
        "0 or more");
    Requirement.check(topK >= 0, "top-k", topK, "0 or more");
    Requirement.check(topP >= 0 && topP <= 1, "top-p", topP, "between 0 and 1");
    Requirement.check(minP >= 0 && minP <= 1, "min-p", minP, "between 0 and 1");
    logitBias = Map.copyOf(logitBias);
    logitBias.forEach((token, bias) ->
        Requirement.check(
            bias < Float.POSITIVE_INFINITY,
            "the logit bias of token " + token,
            bias,
            "a finite number or -Infinity"));
  }

  /** With a repeat penalty alone, and no bias. */
  public SamplingSettings(
      double temperature,
      int topK,
      double topP,
      double minP,
      double repeatPenalty,
      int repeatLastN,
      long seed) {
    this(
        temperature,
        topK,
        topP,
        minP,
        new Penalties(repeatPenalty, 0, 0, repeatLastN),
        Map.of(),
        seed);
  }

  /** The most probable token, always. */
  public static SamplingSettings greedy() {
    return new SamplingSettings(0, 0, 1, 0, Penalties.NONE, Map.of(), 0);
  }

  /** The same with another temperature and seed. */
  public SamplingSettings with(double otherTemperature, long otherSeed) {
    return new SamplingSettings(
        otherTemperature, topK, topP, minP, penalties, logitBias, otherSeed);
  }
}
