package jllm.generate;

/** One step of a {@link Sampler}: changes logits, drops candidates, or chooses one. */
interface SamplingStep {

  /** Works on the candidates of one token; at least one is left. Allocates nothing. */
  void apply(Candidates candidates);

  /** Tells of a token that the text goes on with, in its order: of the prompt, or chosen. */
  default void accept(int token) {}

  /** Name and setting for people, such as {@code top-k 40}. */
  String describe();

  /** Adds to the logits of tokens; must stand before all steps that drop candidates. */
  record Bias(int[] tokens, float[] values) implements SamplingStep {
    @Override
    public void apply(Candidates candidates) {
      for (int i = 0; i < tokens.length; i++) {
        candidates.logit(tokens[i], candidates.logit(tokens[i]) + values[i]);
      }
    }

    void addTo(float[] row) {
      for (int i = 0; i < tokens.length; i++) {
        row[tokens[i]] += values[i];
      }
    }

    @Override
    public String describe() {
      return "logit bias";
    }
  }

  /** Tokens that must not be chosen. */
  record Ban(int[] tokens) implements SamplingStep {
    @Override
    public void apply(Candidates candidates) {
      for (int token : tokens) {
        candidates.logit(token, Float.NEGATIVE_INFINITY);
      }
    }

    void addTo(float[] row) {
      for (int token : tokens) {
        row[token] = Float.NEGATIVE_INFINITY;
      }
    }

    @Override
    public String describe() {
      return "banned";
    }
  }

  /** Only the best {@code count}. */
  record TopK(int count) implements SamplingStep {
    @Override
    public void apply(Candidates candidates) {
      int kept = Math.min(count, candidates.size());
      candidates.bringToFront(kept);
      candidates.keepFirst(kept);
    }

    @Override
    public String describe() {
      return "top-k " + count;
    }
  }

  /**
   * The fewest of the best whose probabilities sum to at least {@code mass} (Holtzman et al. 2020).
   */
  record TopP(double mass) implements SamplingStep {
    @Override
    public void apply(Candidates candidates) {
      float largest = candidates.largestLogit();
      double total = 0;
      for (int i = 0; i < candidates.size(); i++) {
        total += Math.exp(candidates.logit(i) - largest);
      }
      double sum = 0;
      int kept = 0;
      // Few candidates hold most of the mass: sort only as many as are needed, in growing portions.
      int sorted = 0;
      do {
        if (kept == sorted) {
          sorted = Math.min(Math.max(128, 4 * sorted), candidates.size());
          candidates.bringToFront(sorted);
        }
        sum += Math.exp(candidates.logit(kept) - largest);
        kept++;
      } while (sum < mass * total && kept < candidates.size());
      candidates.keepFirst(kept);
    }

    @Override
    public String describe() {
      return "top-p " + mass;
    }
  }

  /** Those at least {@code share} times as probable as the best (Nguyen et al. 2024). */
  record MinP(double share) implements SamplingStep {
    @Override
    public void apply(Candidates candidates) {
      candidates.keepAtLeast(candidates.largestLogit() + (float) Math.log(share));
    }

    @Override
    public String describe() {
      return "min-p " + share;
    }
  }

  /** Logits divided by {@code temperature}: above 1 flatter, below 1 more peaked. */
  record Temperature(double temperature) implements SamplingStep {
    @Override
    public void apply(Candidates candidates) {
      candidates.divide(temperature);
    }

    @Override
    public String describe() {
      return "temperature " + temperature;
    }
  }

  /** Chooses the best. */
  record Greedy() implements SamplingStep {
    @Override
    public void apply(Candidates candidates) {
      int best = 0;
      for (int i = 1; i < candidates.size(); i++) {
        if (candidates.logit(i) > candidates.logit(best)) {
          best = i;
        }
      }
      candidates.keepOnly(best);
    }

    @Override
    public String describe() {
      return "greedy";
    }
  }
}
