package jllm.contract;

import java.util.stream.DoubleStream;
import jllm.tensor.Activation;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.opentest4j.AssertionFailedError;

/** {@link jllm.tensor.Backend#activate} and {@link jllm.tensor.Backend#gated}. */
interface ActivationContract extends Subject {
  /** Around every limit of exp and tanh in single precision, and the ends of its range. */
  double[] EXTREMES =
      DoubleStream.of(
              0, 1e-45, 1e-40, 1.2e-38, 1e-30, 1e-8, 1e-4, 0.1, 0.5, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12,
              15, 20, 30, 43, 44, 45, 50, 60, 87, 88, 88.7, 89, 90, 100, 103, 104, 110, 1e3, 1e4,
              1e10, 1e13, 1e19, 1e30, 3e38)
          .flatMap(x -> DoubleStream.of(x, -x))
          .toArray();

  @ParameterizedTest
  @EnumSource
  default void activate(Activation activation) {
    for (int width : Sizes.WIDTHS) {
      for (int rows : new int[] {1, 2, 3, 13, 33}) {
        try (Trial trial =
            new Trial(backend(), activation + " of width " + width + ", rows " + rows)) {
          activate(trial, activation, trial.normal(rows, width, 2));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  default void activateExtremes(Activation activation) {
    try (Trial trial = new Trial(backend(), activation + " of extremes")) {
      activate(trial, activation, trial.values(1, EXTREMES.length, EXTREMES));
    }
  }

  @ParameterizedTest
  @EnumSource
  default void activateDensely(Activation activation) {
    try (Trial trial = new Trial(backend(), activation + " from -12 to 12")) {
      double[] values = new double[4801];
      for (int i = 0; i < values.length; i++) {
        values[i] = (i - 2400) / 200.0;
      }
      activate(trial, activation, trial.values(1, values.length, values));
    }
  }

  @ParameterizedTest
  @EnumSource
  default void gated(Activation activation) {
    for (int width : Sizes.WIDTHS) {
      for (int rows : new int[] {1, 2, 3, 13, 33}) {
        try (Trial trial =
            new Trial(backend(), "gated " + activation + " of " + width + ", rows " + rows)) {
          Operand gate = trial.normal(rows, width, 2);
          Operand up = trial.normal(rows, width, 2);
          Operand out = trial.out(rows, width);
          trial.run((b, side) -> b.gated(side.of(out), side.of(gate), side.of(up), activation));
          trial.assertEach(out, 1e-5, 1e-5);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  default void gatedExtremes(Activation activation) {
    try (Trial trial = new Trial(backend(), "gated " + activation + " of extremes")) {
      Operand gate = trial.values(1, EXTREMES.length, EXTREMES);
      Operand up = trial.values(1, EXTREMES.length, 0.1, -0.2, 0.3);
      Operand out = trial.out(1, EXTREMES.length);
      trial.run((b, side) -> b.gated(side.of(out), side.of(gate), side.of(up), activation));
      assertActivated(trial, gate, out);
    }
  }

  private static void activate(Trial trial, Activation activation, Operand x) {
    Operand out = trial.out(x.rows(), x.columns());
    trial.run((b, side) -> b.activate(side.of(out), side.of(x), activation));
    assertActivated(trial, x, out);
    double[] inputs = x.exactValues();
    Operand inPlace = x.asResult();
    trial.run((b, side) -> b.activate(side.of(inPlace), side.of(inPlace), activation));
    assertActivated(trial, trial.values(x.rows(), x.columns(), inputs), inPlace);
  }

  /**
   * Where an activation tends to 0, {@code 1 + tanh} cancels: the error is one of the factor on x.
   */
  private static void assertActivated(Trial trial, Operand x, Operand out) {
    double[] inputs = x.exactValues();
    double[] expected = out.exactValues();
    double[] found = out.testedValues();
    for (int i = 0; i < inputs.length; i++) {
      double allowed = 1e-5 * Math.abs(expected[i]) + 3e-7 * Math.abs(inputs[i]) + 1e-37;
      if (!(Math.abs(found[i] - expected[i]) <= allowed)) {
        throw new AssertionFailedError(trial + ": of " + inputs[i], expected[i], found[i]);
      }
    }
  }
}
