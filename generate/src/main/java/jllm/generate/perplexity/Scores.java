package jllm.generate.perplexity;

import java.util.stream.IntStream;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** The sums over the tokens that counted so far. */
final class Scores {
  private final RunningMean loss = new RunningMean();
  private final RunningMean baseLoss = new RunningMean();
  private final RunningMean difference = new RunningMean();
  private final RunningMean divergence = new RunningMean();
  private final RunningMean sameTop = new RunningMean();
  private boolean compared;

  /** What one position gives. */
  private record Score(double loss, double baseLoss, double divergence, boolean sameTop) {}

  /**
   * Counts the tokens {@code tokens[from]...}, one for each row.
   *
   * @param logits [N, V] float32
   * @param base of the other model, the same shape
   */
  void add(Tensor logits, @Nullable Tensor base, int[] tokens, int from) {
    int vocabulary = logits.dim(1);
    compared |= base != null;
    // On all cores, but summed in order: the result does not depend on their number.
    Score[] scores =
        IntStream.range(0, logits.dim(0))
            .parallel()
            .mapToObj(row -> score(logits, base, row, vocabulary, tokens[from + row]))
            .toArray(Score[]::new);
    for (Score score : scores) {
      loss.add(score.loss);
      if (base != null) {
        baseLoss.add(score.baseLoss);
        difference.add(score.loss - score.baseLoss);
        divergence.add(score.divergence);
        sameTop.add(score.sameTop ? 1 : 0);
      }
    }
  }

  private static Score score(
      Tensor logits, @Nullable Tensor base, int row, int vocabulary, int token) {
    Prediction model = new Prediction(logits.segment(), row, vocabulary);
    if (base == null) {
      return new Score(-model.logProbability(token), 0, 0, false);
    }
    Prediction other = new Prediction(base.segment(), row, vocabulary);
    return new Score(
        -model.logProbability(token),
        -other.logProbability(token),
        other.divergence(model),
        other.top() == model.top());
  }

  RunningMean loss() {
    return loss;
  }

  @Nullable Comparison comparison() {
    return compared
        ? new Comparison(
            baseLoss.exponential(),
            difference.estimate(),
            divergence.estimate(),
            sameTop.estimate())
        : null;
  }
}
