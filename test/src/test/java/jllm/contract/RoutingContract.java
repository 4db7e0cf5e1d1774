package jllm.contract;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import jllm.tensor.Routing;
import org.junit.jupiter.api.Test;

/** Mixture of experts but for the products: choosing, weighing, adding up. */
interface RoutingContract extends Subject {

  @Test
  default void topK() {
    for (int experts : new int[] {1, 2, 3, 8, 17, 130}) {
      for (int rows : Sizes.ROWS) {
        for (int used = 1; used <= experts; used += Math.max(1, experts / 5)) {
          try (Trial trial =
              new Trial(backend(), "topK " + used + " of " + experts + ", rows " + rows)) {
            Operand x = trial.normal(rows, experts, 1);
            for (int i = 0; i < rows * experts; i += 2) {
              x.set(i, trial.random().nextInt(-1, 2)); // many ties
            }
            Operand out = trial.indicesOut(rows, used);
            trial.run((b, side) -> b.topK(side.of(out), side.of(x)));
            trial.assertEach(out, 0, 0);
          }
        }
      }
    }
  }

  @Test
  default void topKOfExtremes() {
    try (Trial trial = new Trial(backend(), "topK of extremes")) {
      double big = Float.MAX_VALUE;
      double infinity = Double.POSITIVE_INFINITY;
      Operand x =
          trial.values(2, 6, -big, -infinity, big, infinity, 0, -1e-45, 0, -0.0, 0, 0, 0, 0);
      Operand out = trial.indicesOut(2, 6);
      trial.run((b, side) -> b.topK(side.of(out), side.of(x)));
      trial.assertEach(out, 0, 0);
    }
  }

  @Test
  default void routingWeights() {
    for (int experts : new int[] {1, 2, 8, 17, 130}) {
      for (int used = 1; used <= Math.min(9, experts); used += 3) {
        for (boolean renormalize : new boolean[] {false, true}) {
          for (double sigma : new double[] {0, 1, 100, 1e30}) {
            String name = used + " of " + experts + (renormalize ? " renormalized" : "");
            try (Trial trial = new Trial(backend(), "routingWeights " + name + ", " + sigma)) {
              Operand logits = trial.normal(13, experts, sigma);
              Operand chosen = trial.indices(13, choose(trial, 13, used, experts));
              Operand out = trial.out(13, used);
              Routing routing = new Routing(used, renormalize, 2.5f);
              trial.run((b, side) ->
                  b.routingWeights(side.of(out), side.of(logits), side.of(chosen), routing));
              trial.assertEach(out, 3e-5, 1e-30);
            }
          }
        }
      }
    }
  }

  @Test
  default void combineExperts() {
    for (int width : Sizes.WIDTHS) {
      for (int used : new int[] {1, 2, 5}) {
        for (int rows : new int[] {1, 2, 3, 13}) {
          try (Trial trial =
              new Trial(backend(), "combine " + used + " of width " + width + ", rows " + rows)) {
            Operand x = trial.normal(rows * used, width, 1);
            Operand weights = trial.normal(rows, used, 1);
            Operand out = trial.out(rows, width);
            trial.run((b, side) -> b.combineExperts(side.of(out), side.of(x), side.of(weights)));
            trial.assertEach(out, 1e-6, 1e-5);
          }
        }
      }
    }
  }

  /** For each row, {@code used} different experts in random order. */
  static int[] choose(Trial trial, int rows, int used, int experts) {
    Random random = new Random(trial.random().nextLong());
    List<Integer> all = new ArrayList<>();
    for (int e = 0; e < experts; e++) {
      all.add(e);
    }
    int[] chosen = new int[rows * used];
    for (int n = 0; n < rows; n++) {
      Collections.shuffle(all, random);
      for (int u = 0; u < used; u++) {
        chosen[n * used + u] = all.get(u);
      }
    }
    return chosen;
  }
}
