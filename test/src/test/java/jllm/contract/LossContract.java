package jllm.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import jllm.tensor.AdamWStep;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Cross-entropy, and what the optimizer does. */
interface LossContract extends Subject {

  @Test
  default void crossEntropy() {
    for (int vocabulary : new int[] {1, 2, 15, 17, 64, 257, 5003}) {
      for (int rows : Sizes.ROWS) {
        for (double size : new double[] {1, 50}) {
          String sizes = "cross-entropy V " + vocabulary + " rows " + rows + ", logits of " + size;
          try (Trial trial = new Trial(backend(), sizes)) {
            Operand logits = trial.normal(rows, vocabulary, size).asResult();
            int[] wanted = trial.random().ints(rows, 0, vocabulary).toArray();
            for (int row = 2; row < rows; row += 4) {
              wanted[row] = -1;
            }
            crossEntropy(trial, logits, trial.indices(1, wanted).reshape(rows), size);
          }
        }
      }
    }
  }

  private static void crossEntropy(Trial trial, Operand logits, Operand targets, double size) {
    int rows = logits.rows();
    Operand losses = trial.out(rows, 1);
    Operand lse = trial.out(rows, 1);
    Operand dlosses = trial.normal(rows, 1, 1);
    trial.run((b, side) ->
        b.training()
            .crossEntropy(side.of(losses), side.of(lse), side.of(logits), side.of(targets)));
    trial.assertEach(losses, 1e-6, 1e-6 * Math.max(1, size));
    trial.assertEach(lse, 1e-6, 1e-6);
    trial.run((b, side) ->
        b.training()
            .crossEntropyBackward(
                side.of(logits), side.of(dlosses), side.of(lse), side.of(targets)));
    double errors = Math.max(1, size / 5); // of a sum of exponentials as a logarithm
    trial.assertEach(logits, SINGLE * errors, 1e-6 * errors);
  }

  @Test
  default void sumOfSquares() {
    for (int columns : new int[] {1, 7, 33, 1000, 70_001}) {
      try (Trial trial = new Trial(backend(), "sum of squares of " + columns)) {
        Operand x = trial.normal(1, columns, 100);
        double[] sums = sums(trial, x);
        assertEquals(sums[0], sums[1], 1e-6 * sums[0], trial.toString());
        for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
          x.set(columns / 2, bad);
          assertFalse(Double.isFinite(sums(trial, x)[1]), trial.toString());
        }
      }
    }
  }

  /** What the oracle finds, and the backend under test. */
  private static double[] sums(Trial trial, Operand x) {
    double[] sums = new double[2];
    int[] calls = {0};
    trial.run((b, side) -> sums[calls[0]++] = b.training().sumOfSquares(side.of(x)));
    return sums;
  }

  @Test
  default void adamW() {
    for (int rows : new int[] {1, 3, 70}) {
      for (int columns : Sizes.WIDTHS) {
        String sizes = rows + " x " + columns;
        try (Trial trial = new Trial(backend(), "AdamW of " + sizes)) {
          Shape shape = columns % 2 == 0 ? Shape.of(rows, columns / 2, 2) : Shape.of(rows, columns);
          adamW(trial, rows, columns, shape, trial.roundedOut(DType.BF16, shape));
          adamW(trial, rows, columns, shape, null);
        }
      }
    }
  }

  /** Some steps, with moments that grow from nothing. */
  private static void adamW(
      Trial trial, int rows, int columns, Shape shape, @Nullable Operand rounded) {
    Operand w = shaped(trial.normal(rows, columns, 1), shape);
    Operand m = shaped(trial.values(rows, columns, 0), shape);
    Operand v = shaped(trial.values(rows, columns, 0), shape);
    for (int step = 1; step <= 3; step++) {
      Operand gradient = shaped(trial.normal(rows, columns, 0.1), shape);
      AdamWStep adamW = new AdamWStep(0.01f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.5f, step);
      trial.run((b, side) ->
          b.training()
              .adamW(
                  side.of(w),
                  side.of(gradient),
                  side.of(m),
                  side.of(v),
                  adamW,
                  side.optional(rounded)));
    }
    trial.assertEach(w, 1e-6, 1e-6);
    trial.assertEach(m, 1e-6, 1e-7);
    trial.assertEach(v, SINGLE, 0);
    if (rounded != null) {
      trial.assertIsRounded(rounded, w);
    }
  }

  private static Operand shaped(Operand operand, Shape shape) {
    int[] dims = new int[shape.rank()];
    for (int axis = 0; axis < dims.length; axis++) {
      dims[axis] = shape.dim(axis);
    }
    return operand.reshape(dims).asResult();
  }

  /** Moments of weights that get no gradient stay zero; the weights only decay. */
  @Test
  default void adamWWithoutGradient() {
    try (Trial trial = new Trial(backend(), "AdamW without gradient")) {
      Operand w = trial.normal(3, 37, 1).asResult();
      Operand zeros = trial.values(3, 37, 0);
      Operand m = trial.values(3, 37, 0).asResult();
      Operand v = trial.values(3, 37, 0).asResult();
      AdamWStep step = new AdamWStep(0.5f, 0.9f, 0.999f, 1e-8f, 0.5f, 1, 1000);
      trial.run((b, side) ->
          b.training().adamW(side.of(w), side.of(zeros), side.of(m), side.of(v), step, null));
      trial.assertEach(w, 1e-6, 0);
      trial.assertEach(m, 0, 0);
      trial.assertEach(v, 0, 0);
    }
  }
}
