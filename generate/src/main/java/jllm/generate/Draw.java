package jllm.generate;

import java.util.SplittableRandom;

/** Chooses a candidate at random, with the probabilities of the softmax of the logits. */
final class Draw implements SamplingStep {
  // Unlike java.util.Random it gives unrelated numbers for seeds that follow each other.
  private final SplittableRandom random;

  Draw(long seed) {
    random = new SplittableRandom(seed);
  }

  /** The number that the next token is drawn with, from 0 to less than 1. */
  double uniform() {
    return random.nextDouble();
  }

  @Override
  public void apply(Candidates candidates) {
    float largest = candidates.largestLogit();
    double total = 0;
    for (int i = 0; i < candidates.size(); i++) {
      total += Math.exp(candidates.logit(i) - largest);
    }
    double left = uniform() * total;
    int chosen = 0;
    for (int i = 0; i < candidates.size() && left >= 0; i++) {
      double weight = Math.exp(candidates.logit(i) - largest);
      if (weight > 0) {
        // The last possible one takes what rounding leaves over.
        chosen = i;
        left -= weight;
      }
    }
    candidates.keepOnly(chosen);
  }

  @Override
  public String describe() {
    return "draw";
  }
}
