package jllm.generate.perplexity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** Cases small enough for paper: logits are logarithms of probabilities, moved by a constant. */
class ScoresTest {
  private static final double TOLERANCE = 1e-6;

  private static Tensor logits(Arena arena, float shift, double[]... probabilities) {
    int columns = probabilities[0].length;
    Tensor tensor = Tensor.allocate(arena, DType.F32, Shape.of(probabilities.length, columns));
    for (int i = 0; i < probabilities.length * columns; i++) {
      tensor
          .segment()
          .setAtIndex(
              ValueLayout.JAVA_FLOAT,
              i,
              (float) Math.log(probabilities[i / columns][i % columns]) + shift);
    }
    return tensor;
  }

  @Test
  void perplexityAndItsErrorByHand() {
    try (Arena arena = Arena.ofShared()) {
      Scores scores = new Scores();
      double[] row = {0.5, 0.25, 0.125, 0.125};
      // Bits 1, 2, 3: mean 2, population variance 2/3, squared error of the mean 1/3.
      scores.add(logits(arena, 3, row, row, row), null, new int[] {9, 0, 1, 2}, 1);
      Estimate perplexity = scores.loss().exponential();
      assertEquals(3, scores.loss().count());
      assertEquals(4, perplexity.value(), 4 * TOLERANCE);
      assertEquals(4 * Math.log(2) / Math.sqrt(3), perplexity.error(), TOLERANCE * 4);
      assertNull(scores.comparison());
    }
  }

  @Test
  void divergenceAndSameTopByHand() {
    try (Arena arena = Arena.ofShared()) {
      Scores scores = new Scores();
      Tensor model = logits(arena, -2, new double[] {0.25, 0.75}, new double[] {0.75, 0.25});
      Tensor base = logits(arena, 5, new double[] {0.5, 0.5}, new double[] {0.5, 0.5});
      scores.add(model, base, new int[] {1, 1}, 0);
      Comparison comparison = Objects.requireNonNull(scores.comparison());
      assertEquals(2, comparison.basePerplexity().value(), TOLERANCE);
      double expected = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
      assertEquals(expected, comparison.divergence().value(), TOLERANCE);
      assertEquals(0, comparison.divergence().error(), TOLERANCE);
      assertEquals(0.5, comparison.sameTop().value());
      assertEquals(
          Math.log(scores.loss().exponential().value() / 2),
          comparison.logRatio().value(),
          TOLERANCE);
    }
  }

  @Test
  void impossibleTokensDoNotSpoilTheDivergence() {
    try (Arena arena = Arena.ofShared()) {
      Scores scores = new Scores();
      Tensor row = logits(arena, 0, new double[] {0.5, 0.5, 0});
      scores.add(row, row, new int[] {0}, 0);
      Comparison comparison = scores.comparison();
      assertNotNull(comparison);
      assertEquals(new Estimate(0, 0), comparison.divergence());
      assertEquals(new Estimate(1, 0), comparison.sameTop());
    }
  }
}
