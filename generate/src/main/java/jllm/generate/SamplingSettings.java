package jllm.generate;

/**
 * How the next token is chosen. The steps follow each other in this order: repeat penalty, top-k,
 * top-p, min-p, temperature, draw.
 *
 * @param temperature 0 = always the most probable token (after the penalty)
 * @param topK only so many of the most probable tokens; 0 = off
 * @param topP only the most probable tokens that together have this probability; 1 = off
 * @param minP only tokens at least this share as probable as the best; 0 = off
 * @param repeatPenalty divisor of the logits of tokens that occurred; 1 = off
 * @param repeatLastN how many tokens back the penalty looks; 0 = off
 * @param seed of the random numbers: the same seed gives the same text
 */
public record SamplingSettings(
    double temperature,
    int topK,
    double topP,
    double minP,
    double repeatPenalty,
    int repeatLastN,
    long seed) {

  public SamplingSettings {
    check(
        temperature >= 0 && temperature < Double.POSITIVE_INFINITY,
        "temperature",
        temperature,
        "0 or more");
    check(topK >= 0, "top-k", topK, "0 or more");
    check(topP >= 0 && topP <= 1, "top-p", topP, "between 0 and 1");
    check(minP >= 0 && minP <= 1, "min-p", minP, "between 0 and 1");
    check(
        repeatPenalty > 0 && repeatPenalty < Double.POSITIVE_INFINITY,
        "repeat penalty",
        repeatPenalty,
        "more than 0");
    check(repeatLastN >= 0, "repeat window", repeatLastN, "0 or more");
  }

  /** The most probable token, always. */
  public static SamplingSettings greedy() {
    return new SamplingSettings(0, 0, 1, 0, 1, 0, 0);
  }

  private static void check(boolean valid, String what, Number found, String range) {
    if (!valid) {
      throw new IllegalArgumentException(what + " is " + found + ", expected " + range);
    }
  }
}
