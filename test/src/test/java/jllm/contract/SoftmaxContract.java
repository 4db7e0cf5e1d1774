package jllm.contract;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** {@link jllm.tensor.Backend#softmax}. */
interface SoftmaxContract extends Subject {

  @Test
  default void softmax() {
    for (int width : Sizes.WIDTHS) {
      for (int rows : Sizes.ROWS) {
        for (double size : new double[] {0, 1, 30}) {
          try (Trial trial =
              new Trial(backend(), "softmax of " + size + ", width " + width + ", rows " + rows)) {
            soften(trial, trial.normal(rows, width, size));
          }
        }
      }
    }
  }

  @Test
  default void softmaxOfAVocabulary() {
    try (Trial trial = new Trial(backend(), "softmax of width 32003")) {
      soften(trial, trial.normal(2, 32_003, 3));
    }
  }

  @Test
  default void softmaxOfExtremes() {
    double[][] rows = {
      {0, 0, 0, 0, 0},
      {-1e30, -1e30, -1e30, -1e30, -1e30},
      {3e38, 3e38, -3e38, 0, 3e38},
      {1e9, 0, -1e9, 1, 2},
      {-100, -101, -203, -87, -88},
      {0, -87, -88, -103, -104},
      {1e-40, -1e-40, 1e-45, 0, -0.0},
      {0, Double.NEGATIVE_INFINITY, 1, Double.NEGATIVE_INFINITY, 2}
    };
    for (double[] row : rows) {
      for (int width : new int[] {5, 1, 35}) {
        try (Trial trial =
            new Trial(backend(), "softmax of " + Arrays.toString(row) + ", width " + width)) {
          soften(trial, trial.values(1, width, row));
        }
      }
    }
  }

  private static void soften(Trial trial, Operand x) {
    Operand out = trial.out(x.rows(), x.columns());
    trial.run((b, side) -> b.softmax(side.of(out), side.of(x)));
    trial.assertEach(out, 2e-5, 1e-37);
    Operand inPlace = x.asResult();
    trial.run((b, side) -> b.softmax(side.of(inPlace), side.of(inPlace)));
    trial.assertEach(inPlace, 2e-5, 1e-37);
  }
}
