package jllm.generate;

/**
 * Makes the tokens of the last positions less likely, as {@link Penalties} says. Must stand before
 * all steps that drop candidates.
 */
final class PenaltyStep implements SamplingStep {
  private final float repeat;
  private final float presence;
  private final float frequency;

  /** The last tokens, as a ring. */
  private final int[] window;

  private int filled;
  private int next;

  /** Occurrences of each token in the window. */
  private final int[] counts;

  /** For each token the number of the last call of {@link #apply} that changed its logit. */
  private final int[] changed;

  private int calls;

  PenaltyStep(Penalties penalties, int vocabulary) {
    this.repeat = (float) penalties.repeat();
    this.presence = (float) penalties.presence();
    this.frequency = (float) penalties.frequency();
    this.window = new int[penalties.lastN()];
    this.counts = new int[vocabulary];
    this.changed = new int[vocabulary];
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
    calls++;
    for (int i = 0; i < filled; i++) {
      int token = window[i];
      if (changed[token] != calls) {
        changed[token] = calls;
        float logit = candidates.logit(token);
        float scaled = logit > 0 ? logit / repeat : logit * repeat;
        candidates.logit(token, scaled - counts[token] * frequency - presence);
      }
    }
  }

  @Override
  public String describe() {
    return "penalties";
  }
}
