package jllm.generate;

/**
 * Makes the tokens of the last {@code window} positions less likely: positive logits are divided by
 * the penalty, others multiplied (Keskar et al. 2019, section 4.1), once however often a token
 * occurred. Must stand before all steps that drop candidates.
 */
final class RepeatPenalty implements SamplingStep {
  private final float penalty;

  /** The last tokens, as a ring. */
  private final int[] window;

  private int filled;
  private int next;

  /** Occurrences of each token in the window. */
  private final int[] counts;

  RepeatPenalty(float penalty, int window, int vocabulary) {
    this.penalty = penalty;
    this.window = new int[window];
    this.counts = new int[vocabulary];
  }

  @Override
  public void accept(int token) {
    if (filled == window.length) {
      counts[window[next]]--;
    } else {
      filled++;
    }
    window[next] = token;
    counts[token]++;
    next = (next + 1) % window.length;
  }

  @Override
  public void apply(Candidates candidates) {
    for (int i = 0; i < filled; i++) {
      int token = window[i];
      // A token that occurs again is left to its last place in the ring: counted down, then
      // restored.
      if (--counts[token] == 0) {
        float logit = candidates.logit(token);
        candidates.logit(token, logit > 0 ? logit / penalty : logit * penalty);
      }
    }
    for (int i = 0; i < filled; i++) {
      counts[window[i]]++;
    }
  }
}
