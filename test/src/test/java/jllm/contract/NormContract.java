package jllm.contract;

import jllm.tensor.DType;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * {@link jllm.tensor.Backend#rmsNorm} and {@link jllm.tensor.Backend#layerNorm}, of sums as well.
 */
interface NormContract extends Subject {
  float EPS = 1e-5f;

  @Test
  default void norms() {
    for (int width : Sizes.WIDTHS) {
      for (int rows : Sizes.ROWS) {
        try (Trial trial = new Trial(backend(), "norm of width " + width + ", rows " + rows)) {
          Operand x = trial.normal(rows, width, 2);
          Operand weight = trial.weight(DType.F32, WeightUse.VECTOR, width);
          Operand bias = trial.weight(DType.F32, WeightUse.VECTOR, width);
          rms(trial, x, weight, SINGLE);
          rms(trial, x, null, SINGLE);
          if (width > 3) { // a variance of two or three values can be next to nothing
            layer(trial, x, weight, bias, SINGLE);
            layer(trial, x, weight, null, SINGLE);
            layer(trial, x, null, bias, SINGLE);
          }
        }
      }
    }
  }

  /** Vectors come from files in half precision, too. */
  @Test
  default void normsWithWeightsOfOtherTypes() {
    for (DType type : new DType[] {DType.F16, DType.BF16}) {
      try (Trial trial = new Trial(backend(), "norm with weights of " + type)) {
        Operand x = trial.normal(3, 37, 2);
        Operand weight = trial.weight(type, WeightUse.VECTOR, 37);
        Operand bias = trial.weight(type, WeightUse.VECTOR, 37);
        rms(trial, x, weight, SINGLE);
        layer(trial, x, weight, bias, SINGLE);
      }
    }
  }

  @Test
  default void normsOfSmallAndLargeRows() {
    for (double size : new double[] {1e-30, 1e-12, 1e-3, 1e6, 1e15}) {
      try (Trial trial = new Trial(backend(), "norm of values of " + size)) {
        Operand x = trial.normal(5, 259, size);
        rms(trial, x, null, SINGLE);
        layer(trial, x, null, null, SINGLE);
      }
    }
  }

  @Test
  default void normsOfConstantRows() {
    try (Trial trial = new Trial(backend(), "norm of constants")) {
      Operand bias = trial.weight(DType.F32, WeightUse.VECTOR, 67);
      Operand zeros = trial.values(3, 67, 0);
      rms(trial, zeros, null, 0);
      layer(trial, zeros, null, bias, 0);
      Operand ones = trial.values(3, 67, 1);
      rms(trial, ones, null, SINGLE);
    }
  }

  /** The variance is that of the differences to the mean, not a difference of means of squares. */
  @Test
  default void layerNormOfRowsFarFromZero() {
    try (Trial trial = new Trial(backend(), "layer norm far from zero")) {
      Operand x = trial.normal(3, 515, 1);
      for (int i = 0; i < 3 * 515; i++) {
        x.set(i, (float) (x.exactValues()[i] + 1000));
      }
      layer(trial, x, null, null, 1e-3);
    }
  }

  @Test
  default void normsOfSums() {
    for (int width : Sizes.WIDTHS) {
      for (int rows : new int[] {1, 2, 13, 33}) {
        String sizes = "norm of sums of width " + width + ", rows " + rows;
        try (Trial trial = new Trial(backend(), sizes)) {
          Operand weight = trial.weight(DType.F32, WeightUse.VECTOR, width);
          Operand bias = trial.weight(DType.F32, WeightUse.VECTOR, width);
          for (boolean inPlace : new boolean[] {true, false}) {
            rmsOfSum(trial, rows, width, weight, inPlace);
            rmsOfSum(trial, rows, width, null, inPlace);
            if (width > 3) {
              layerOfSum(trial, rows, width, weight, bias, inPlace);
              layerOfSum(trial, rows, width, weight, null, inPlace);
              layerOfSum(trial, rows, width, null, bias, inPlace);
            }
          }
        }
      }
    }
  }

  /** Rows about as long as a device can keep at hand, and longer. */
  @Test
  default void normsOfSumsOfLongRows() {
    for (int width : new int[] {12_100, 12_289, 16_384}) {
      try (Trial trial = new Trial(backend(), "norm of sums of width " + width)) {
        Operand weight = trial.weight(DType.F32, WeightUse.VECTOR, width);
        Operand bias = trial.weight(DType.F32, WeightUse.VECTOR, width);
        rmsOfSum(trial, 2, width, weight, false);
        layerOfSum(trial, 2, width, weight, bias, true);
      }
    }
  }

  private void rmsOfSum(
      Trial trial, int rows, int width, @Nullable Operand weight, boolean inPlace) {
    Operand a = stream(trial, rows, width, inPlace);
    Operand b = trial.normal(rows, width, 2);
    Operand sum = inPlace ? a : trial.out(rows, width);
    Operand out = trial.out(rows, width);
    trial.run((backend, side) ->
        backend.addRmsNorm(
            side.of(sum), side.of(out), side.of(a), side.of(b), side.optional(weight), EPS));
    trial.assertNear(sum, SINGLE);
    trial.assertNear(out, SINGLE);
  }

  private void layerOfSum(
      Trial trial,
      int rows,
      int width,
      @Nullable Operand weight,
      @Nullable Operand bias,
      boolean inPlace) {
    Operand a = stream(trial, rows, width, inPlace);
    Operand b = trial.normal(rows, width, 2);
    Operand sum = inPlace ? a : trial.out(rows, width);
    Operand out = trial.out(rows, width);
    trial.run((backend, side) ->
        backend.addLayerNorm(
            side.of(sum),
            side.of(out),
            side.of(a),
            side.of(b),
            side.optional(weight),
            side.optional(bias),
            EPS));
    trial.assertNear(sum, SINGLE);
    trial.assertNear(out, SINGLE);
  }

  private static Operand stream(Trial trial, int rows, int width, boolean inPlace) {
    Operand stream = trial.normal(rows, width, 2);
    return inPlace ? stream.asResult() : stream;
  }

  private void rms(Trial trial, Operand x, @Nullable Operand weight, double tolerance) {
    Operand out = trial.out(x.rows(), x.columns());
    trial.run((b, side) -> b.rmsNorm(side.of(out), side.of(x), side.optional(weight), EPS));
    trial.assertNear(out, tolerance);
  }

  private void layer(
      Trial trial, Operand x, @Nullable Operand weight, @Nullable Operand bias, double tolerance) {
    Operand out = trial.out(x.rows(), x.columns());
    trial.run((b, side) ->
        b.layerNorm(side.of(out), side.of(x), side.optional(weight), side.optional(bias), EPS));
    trial.assertNear(out, tolerance);
  }
}
