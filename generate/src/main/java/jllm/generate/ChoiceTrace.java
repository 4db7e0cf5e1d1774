package jllm.generate;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Watches the steps of a {@link Sampler} and says what became of the best candidates. */
final class ChoiceTrace {
  private final float[] raw;
  private final double logTotal;

  /** The tokens most probable at first, the best first. */
  private final int[] best;

  private final @Nullable String[] droppedBy;
  private final double[] shares;
  private int size;

  /**
   * @param candidates all tokens, as the model left them
   * @param count how many to watch
   */
  ChoiceTrace(Candidates candidates, int count) {
    size = candidates.size();
    raw = new float[size];
    for (int i = 0; i < size; i++) {
      raw[candidates.id(i)] = candidates.logit(i);
    }
    logTotal = candidates.logTotal();
    best = best(Math.min(count, size));
    droppedBy = new @Nullable String[best.length];
    shares = new double[best.length];
  }

  private int[] best(int count) {
    int[] found = new int[count];
    int filled = 0;
    for (int token = 0; token < raw.length && count > 0; token++) {
      if (filled == count && raw[token] <= raw[found[count - 1]]) {
        continue;
      }
      int place = filled < count ? filled++ : count - 1;
      for (; place > 0 && raw[found[place - 1]] < raw[token]; place--) {
        found[place] = found[place - 1];
      }
      found[place] = token;
    }
    return found;
  }

  /** Looks at what a step left. */
  void after(SamplingStep step, Candidates candidates) {
    if (candidates.size() == size) {
      return;
    }
    size = candidates.size();
    for (int i = 0; i < best.length; i++) {
      if (droppedBy[i] == null && candidates.place(best[i]) < 0) {
        droppedBy[i] = step.describe();
      }
    }
  }

  /** Looks at the probabilities of the candidates. */
  void sharesOf(Candidates candidates) {
    double total = candidates.logTotal();
    for (int i = 0; i < best.length; i++) {
      int place = droppedBy[i] == null ? candidates.place(best[i]) : -1;
      shares[i] = place < 0 ? 0 : Math.exp(candidates.logit(place) - total);
    }
  }

  Choice choice(int token) {
    List<Choice.Alternative> alternatives = new ArrayList<>(best.length);
    for (int i = 0; i < best.length; i++) {
      alternatives.add(
          new Choice.Alternative(best[i], raw[best[i]] - logTotal, shares[i], droppedBy[i]));
    }
    return new Choice(token, raw[token] - logTotal, alternatives);
  }
}
