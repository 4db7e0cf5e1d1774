package jllm.contract;

import jllm.tensor.Activation;
import jllm.tensor.Dropout;
import jllm.tensor.RopePairing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Derivatives of operations on each element by itself, of the softmax and of rotations; dropout.
 */
interface ElementGradientContract extends Subject {

  @ParameterizedTest
  @EnumSource
  default void activationGradients(Activation activation) {
    forShapes(
        "gradient of " + activation,
        (trial, rows, columns) -> {
          Operand x = trial.normal(rows, columns, 3);
          Operand up = trial.normal(rows, columns, 1);
          Operand dout = trial.normal(rows, columns, 1);
          boolean add = trial.random().nextBoolean();
          Operand dx = trial.derivative(rows, columns, add);
          trial.run((b, side) ->
              b.training()
                  .activateBackward(side.of(dx), side.of(dout), side.of(x), activation, add));
          trial.assertEach(dx, 2e-6, 1e-5);

          Operand dgate = trial.derivative(rows, columns, add);
          Operand dup = trial.derivative(rows, columns, add);
          trial.run((b, side) ->
              b.training()
                  .gatedBackward(
                      side.of(dgate),
                      side.of(dup),
                      side.of(dout),
                      side.of(x),
                      side.of(up),
                      activation,
                      add));
          trial.assertEach(dgate, 2e-6, 1e-5);
          trial.assertEach(dup, 2e-6, 1e-5);
        });
  }

  /** Where exponentials overflow or vanish, the derivative is 0 or 1. */
  @ParameterizedTest
  @EnumSource
  default void activationGradientsOfExtremeValues(Activation activation) {
    try (Trial trial = new Trial(backend(), "gradient of extreme values, " + activation)) {
      double[] values = {0, -0.0, 1e-30, -1e-30, 5, -5, 12, -12, 60, -60, 110, -110, 1e4, -1e4};
      Operand x = trial.values(3, 37, values);
      Operand dout = trial.values(3, 37, 1);
      Operand dx = trial.values(3, 37, 0).asResult();
      trial.run((b, side) ->
          b.training().activateBackward(side.of(dx), side.of(dout), side.of(x), activation));
      trial.assertEach(dx, 2e-6, 2e-6);
    }
  }

  @Test
  default void sumsAndProducts() {
    forShapes(
        "addScaled and addProduct",
        (trial, rows, columns) -> {
          Operand a = trial.normal(rows, columns, 1);
          Operand other = trial.normal(rows, columns, 1);
          Operand sum = trial.normal(rows, columns, 1).asResult();
          trial.run((b, side) -> b.training().addScaled(side.of(sum), side.of(a), -1.75f));
          trial.assertEach(sum, 1e-6, 1e-6);
          Operand product = trial.normal(rows, columns, 1).asResult();
          trial.run(
              (b, side) -> b.training().addProduct(side.of(product), side.of(a), side.of(other)));
          trial.assertEach(product, 1e-6, 1e-6);
        });
  }

  @Test
  default void softCapGradients() {
    forShapes(
        "gradient of a soft cap",
        (trial, rows, columns) -> {
          Operand x = trial.normal(rows, columns, 20);
          Operand dout = trial.normal(rows, columns, 1);
          Operand dx = trial.normal(rows, columns, 1).asResult();
          trial.run((b, side) ->
              b.training().softCapBackward(side.of(dx), side.of(dout), side.of(x), 30));
          trial.assertEach(dx, 2e-6, 5e-6);
        });
  }

  @Test
  default void softmaxGradients() {
    forShapes(
        "gradient of the softmax",
        (trial, rows, columns) -> {
          Operand x = trial.normal(rows, columns, 2);
          Operand out = trial.out(rows, columns);
          Operand dout = trial.normal(rows, columns, 1);
          Operand dx = trial.normal(rows, columns, 1).asResult();
          trial.run((b, side) -> {
            b.softmax(side.of(out), side.of(x));
            b.training().softmaxBackward(side.of(dx), side.of(dout), side.of(out));
          });
          trial.assertEach(dx, SINGLE, SINGLE);
        });
  }

  @ParameterizedTest
  @EnumSource
  default void ropeGradients(RopePairing pairing) {
    for (int headDim : new int[] {2, 6, 18, 64, 80}) {
      for (int rotated : new int[] {2, Math.max(2, headDim / 4 * 2), headDim}) {
        for (int rows : new int[] {1, 2, 13, 33}) {
          String sizes = pairing + ", heads of " + headDim + ", " + rotated + " turned, rows ";
          try (Trial trial = new Trial(backend(), "gradient of rope " + sizes + rows)) {
            Operand rotations = trial.normal(rows, rotated, 1);
            Operand dout = trial.normal(rows, 3 * headDim, 1);
            boolean add = trial.random().nextBoolean();
            Operand dx = trial.derivative(rows, 3 * headDim, add);
            trial.run((b, side) ->
                b.training()
                    .ropeBackward(
                        side.of(dx), side.of(dout), side.of(rotations), headDim, pairing, add));
            trial.assertEach(dx, 1e-6, 5e-6);
          }
        }
      }
    }
  }

  /** All backends drop the same elements. */
  @Test
  default void dropout() {
    for (float probability : new float[] {0, 0.1f, 0.5f, 0.9f}) {
      forShapes(
          "dropout of " + probability,
          (trial, rows, columns) -> {
            Dropout dropout = new Dropout(probability, trial.random().nextLong());
            Operand x = trial.normal(rows, columns, 1);
            Operand out = trial.out(rows, columns);
            trial.run((b, side) -> b.training().dropout(side.of(out), side.of(x), dropout));
            trial.assertEach(out, 1e-6, 0);
            Operand dx = trial.normal(rows, columns, 1).asResult();
            trial.run((b, side) -> b.training().dropoutBackward(side.of(dx), side.of(x), dropout));
            trial.assertEach(dx, 1e-6, 1e-6);
            Operand inPlace = x.asResult();
            trial.run(
                (b, side) -> b.training().dropout(side.of(inPlace), side.of(inPlace), dropout));
            trial.assertEach(inPlace, 1e-6, 0);
          });
    }
  }

  @Test
  default void fill() {
    forShapes(
        "fill",
        (trial, rows, columns) -> {
          Operand out = trial.out(rows, columns);
          trial.run((b, side) -> b.training().fill(side.of(out), 0.1f));
          trial.assertEach(out, 1e-7, 0);
        });
  }

  /** One operation on operands of some shape. */
  interface OfShape {
    void test(Trial trial, int rows, int columns);
  }

  private void forShapes(String what, OfShape test) {
    for (int columns : Sizes.WIDTHS) {
      for (int rows : new int[] {1, 2, 5, 33}) {
        of(what, test, rows, columns);
      }
    }
    of(what, test, 37, 5003);
  }

  private void of(String what, OfShape test, int rows, int columns) {
    try (Trial trial = new Trial(backend(), what + " of " + rows + " x " + columns)) {
      test.test(trial, rows, columns);
    }
  }
}
