package jllm.generate.perplexity;

import org.jspecify.annotations.Nullable;

/**
 * How well a model predicts a text.
 *
 * @param perplexity e to the mean negative log-likelihood of a token
 * @param bitsPerByte bits that the model needs for a byte of the text, comparable between
 *     tokenizers
 * @param logLikelihood of all tokens that counted, in nats
 * @param scoredTokens tokens that counted
 * @param scoredBytes bytes of the text that these stand for
 * @param windows that were finished
 * @param seenTokens tokens that went through the model
 * @param seconds that the model took for them
 * @param complete whether it was not cancelled before the last window
 * @param comparison with another model, if there was one
 */
public record PerplexityResult(
    Estimate perplexity,
    double bitsPerByte,
    double logLikelihood,
    long scoredTokens,
    long scoredBytes,
    int windows,
    long seenTokens,
    double seconds,
    boolean complete,
    @Nullable Comparison comparison) {
  /** Tokens through the model in a second. */
  public double tokensPerSecond() {
    return seconds > 0 ? seenTokens / seconds : 0;
  }
}
