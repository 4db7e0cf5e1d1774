package jllm.generate;

import java.util.List;

/**
 * What came of a prompt.
 *
 * @param tokens the new ones, without the one that ended the text
 * @param choices how each of {@code tokens} was chosen; empty unless asked for
 * @param reason why the text ended
 * @param reusedTokens positions of the prompt that were in the cache
 * @param promptTokens positions of the prompt that were computed
 * @param promptNanos time until their last logits
 * @param decodeTokens tokens that the model was run for one by one: all new ones but the first,
 *     which follows from the prompt, or but the last
 * @param decodeNanos time for these, choosing and handing on the text included
 * @param shifts how often old tokens were dropped because the context was full
 */
public record Generation(
    int[] tokens,
    List<Choice> choices,
    StopReason reason,
    int reusedTokens,
    int promptTokens,
    long promptNanos,
    int decodeTokens,
    long decodeNanos,
    int shifts) {

  public Generation {
    choices = List.copyOf(choices);
  }

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
