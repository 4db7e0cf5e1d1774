package jllm.contract;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Derivatives of norms. */
interface NormGradientContract extends Subject {

  @Test
  default void normGradients() {
    for (int width : Sizes.WIDTHS) {
      for (int rows : Sizes.ROWS) {
        String sizes = "gradient of norms of width " + width + ", rows " + rows;
        try (Trial trial = new Trial(backend(), sizes)) {
          Operand x = trial.normal(rows, width, 2);
          Operand dout = trial.normal(rows, width, 1);
          Operand weight = trial.normal(1, width, 1).reshape(width);
          rms(trial, dout, x, weight, true);
          rms(trial, dout, x, weight, false);
          rms(trial, dout, x, null, false);
          if (width > 3) { // a variance of two or three values can be next to nothing
            layer(trial, dout, x, weight, true, true);
            layer(trial, dout, x, weight, true, false);
            layer(trial, dout, x, weight, false, true);
            layer(trial, dout, x, null, false, false);
          }
        }
      }
    }
  }

  @Test
  default void normGradientsOfWideRows() {
    try (Trial trial = new Trial(backend(), "gradient of norms of wide rows")) {
      Operand x = trial.normal(70, 1601, 0.1);
      Operand dout = trial.normal(70, 1601, 3);
      Operand weight = trial.normal(1, 1601, 1).reshape(1601);
      rms(trial, dout, x, weight, true);
      layer(trial, dout, x, weight, true, true);
    }
  }

  /** Longer than the rows that a device may sum up on the way, of one vector or of both. */
  @Test
  default void normGradientsOfLongRows() {
    for (int width : new int[] {6050, 6081, 12_290}) {
      try (Trial trial = new Trial(backend(), "gradient of norms of width " + width)) {
        Operand x = trial.normal(19, width, 2);
        Operand dout = trial.normal(19, width, 1);
        Operand weight = trial.normal(1, width, 1).reshape(width);
        rms(trial, dout, x, weight, true);
        layer(trial, dout, x, weight, true, true);
        layer(trial, dout, x, weight, false, true);
      }
    }
  }

  private static void rms(
      Trial trial, Operand dout, Operand x, @Nullable Operand weight, boolean trained) {
    boolean add = trial.random().nextBoolean();
    Operand dx = trial.derivative(x.rows(), x.columns(), add);
    Operand dweight = vector(trial, x.columns(), trained);
    trial.run((b, side) ->
        b.training()
            .rmsNormBackward(
                side.of(dx),
                side.optional(dweight),
                side.of(dout),
                side.of(x),
                side.optional(weight),
                NormContract.EPS,
                add));
    trial.assertSum(dx, 1);
    assertVector(trial, dweight, x.rows());
  }

  private static void layer(
      Trial trial,
      Operand dout,
      Operand x,
      @Nullable Operand weight,
      boolean weightTrained,
      boolean biasTrained) {
    boolean add = trial.random().nextBoolean();
    Operand dx = trial.derivative(x.rows(), x.columns(), add);
    Operand dweight = vector(trial, x.columns(), weightTrained);
    Operand dbias = vector(trial, x.columns(), biasTrained);
    trial.run((b, side) ->
        b.training()
            .layerNormBackward(
                side.of(dx),
                side.optional(dweight),
                side.optional(dbias),
                side.of(dout),
                side.of(x),
                side.optional(weight),
                NormContract.EPS,
                add));
    trial.assertSum(dx, 1);
    assertVector(trial, dweight, x.rows());
    assertVector(trial, dbias, x.rows());
  }

  private static @Nullable Operand vector(Trial trial, int width, boolean present) {
    return present ? trial.normal(1, width, 1).reshape(width).asResult() : null;
  }

  private static void assertVector(Trial trial, @Nullable Operand vector, int rows) {
    if (vector != null) {
      trial.assertSum(vector, rows);
    }
  }
}
