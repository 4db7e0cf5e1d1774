package jllm.generate;

/**
 * What came of a prompt.
 *
 * @param tokens the new ones, without the one that ended the text
 * @param promptTokens positions of the prompt
 * @param promptNanos time until their last logits
 * @param decodeTokens tokens that the model was run for one by one: all new ones but the first,
 *     which follows from the prompt, or but the last
 * @param decodeNanos time for these, choosing and handing on the text included
 */
public record Generation(
    int[] tokens,
    StopReason reason,
    int promptTokens,
    long promptNanos,
    int decodeTokens,
    long decodeNanos) {

  public double promptTokensPerSecond() {
    return rate(promptTokens, promptNanos);
  }

  public double decodeTokensPerSecond() {
    return rate(decodeTokens, decodeNanos);
  }

  private static double rate(int tokens, long nanos) {
    return nanos == 0 ? 0 : tokens * 1e9 / nanos;
  }
}
