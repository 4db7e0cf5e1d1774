package jllm.contract;

import org.junit.jupiter.api.Test;

/** Cross-entropy. */
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
}
