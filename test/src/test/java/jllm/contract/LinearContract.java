package jllm.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link jllm.tensor.Backend#linear} with weights of every type. */
interface LinearContract extends Subject {

  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linear(DType type) {
    for (int outputs : Sizes.OUTPUTS) {
      for (int inputs : Sizes.inputs(type)) {
        try (Trial trial =
            new Trial(backend(), "linear " + type + " O " + outputs + " I " + inputs)) {
          Operand w = trial.weight(type, WeightUse.LINEAR, outputs, inputs);
          Operand bias = trial.weight(DType.F32, WeightUse.VECTOR, outputs);
          for (int rows : Sizes.ROWS) {
            multiply(trial, type, trial.normal(rows, inputs, 1), w, rows % 2 == 0 ? null : bias);
          }
        }
      }
    }
  }

  /** Beyond the caches that kernels divide their work by. */
  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linearOfLargerSizes(DType type) {
    for (int inputs : new int[] {Sizes.input(type, 1000), Sizes.input(type, 2300)}) {
      int outputs = inputs < 2000 ? 301 : 49;
      try (Trial trial =
          new Trial(backend(), "linear " + type + " O " + outputs + " I " + inputs)) {
        Operand w = trial.weight(type, WeightUse.LINEAR, outputs, inputs);
        for (int rows : new int[] {1, 4, inputs < 2000 ? 35 : 130}) {
          multiply(trial, type, trial.normal(rows, inputs, 1), w, null);
        }
      }
    }
  }

  /** Fused layers are stored as one matrix and used as several. */
  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linearWithSlicesOfAFusedWeight(DType type) {
    int inputs = Sizes.input(type, 100);
    try (Trial trial = new Trial(backend(), "linear with slices of " + type)) {
      Operand[] parts =
          trial.weights(type, WeightUse.LINEAR, Shape.of(16 + 5 + 33, inputs), 16, 5, 33);
      Operand[] biases = trial.weights(DType.F32, WeightUse.VECTOR, Shape.of(54), 16, 5, 33);
      for (int rows : new int[] {1, 3, 20}) {
        Operand x = trial.normal(rows, inputs, 1);
        for (int part = 0; part < parts.length; part++) {
          multiply(trial, type, x, parts[part], biases[part]);
        }
      }
    }
  }

  /** Sizes of activations that occur between outliers and dying channels. */
  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linearOfSmallAndLargeActivations(DType type) {
    int inputs = Sizes.input(type, 200);
    for (double size : new double[] {1e-30, 1e-10, 1e4, 1e6, 1e20}) {
      try (Trial trial = new Trial(backend(), "linear " + type + " of activations of " + size)) {
        Operand w = trial.weight(type, WeightUse.LINEAR, 35, inputs);
        for (int rows : new int[] {1, 3, 20}) {
          multiply(trial, type, trial.normal(rows, inputs, size), w, null);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linearOfRowsWithOutliers(DType type) {
    int inputs = Sizes.input(type, 200);
    try (Trial trial = new Trial(backend(), "linear " + type + " with outliers")) {
      Operand w = trial.weight(type, WeightUse.LINEAR, 35, inputs);
      for (int rows : new int[] {1, 2, 3, 20}) {
        Operand x = trial.normal(rows, inputs, 1);
        for (int row = 0; row < rows; row++) {
          x.set((long) row * inputs + trial.random().nextInt(inputs), row % 2 == 0 ? 1000 : -1000);
        }
        multiply(trial, type, x, w, null);
      }
    }
  }

  /** Zeros have no scale to be quantized by; some rows among others, as padding has. */
  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linearOfZerosIsTheBias(DType type) {
    int inputs = Sizes.input(type, 100);
    try (Trial trial = new Trial(backend(), "linear " + type + " of zeros")) {
      Operand w = trial.weight(type, WeightUse.LINEAR, 35, inputs);
      Operand bias = trial.weight(DType.F32, WeightUse.VECTOR, 35);
      for (int rows : new int[] {1, 3, 20}) {
        Operand x = trial.values(rows, inputs, 0, -0.0);
        for (Operand add : new @Nullable Operand[] {null, bias}) {
          Operand out = trial.out(rows, 35);
          trial.run(
              (b, side) -> b.linear(side.of(out), side.of(x), side.of(w), side.optional(add)));
          trial.assertEach(out, 0, 0);
        }
        for (int i = 0; i < inputs; i++) {
          x.set((long) (rows - 1) * inputs + i, trial.random().nextGaussian() > 0 ? 1 : -2);
        }
        multiply(trial, type, x, w, bias);
      }
    }
  }

  /** However the work is spread: the same seed must give the same text again. */
  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linearIsRepeatable(DType type) {
    int inputs = Sizes.input(type, 600);
    try (Trial trial = new Trial(backend(), "linear " + type + " once more")) {
      Operand w = trial.weight(type, WeightUse.LINEAR, 100, inputs);
      for (int rows : new int[] {1, 3, 33}) {
        Operand x = trial.normal(rows, inputs, 1);
        double[] first = multiply(trial, type, x, w, null).testedValues();
        for (int i = 0; i < 10; i++) {
          assertArrayEquals(first, multiply(trial, type, x, w, null).testedValues());
        }
      }
    }
  }

  /** A backend is used by one thread at a time, not by one thread only. */
  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linearCalledByAnotherThread(DType type) throws InterruptedException {
    int inputs = Sizes.input(type, 100);
    try (Trial trial = new Trial(backend(), "linear " + type + " in another thread")) {
      Operand w = trial.weight(type, WeightUse.LINEAR, 100, inputs);
      Throwable[] thrown = new Throwable[1];
      Thread thread = new Thread(() -> multiply(trial, type, trial.normal(3, inputs, 1), w, null));
      thread.setUncaughtExceptionHandler((_, e) -> thrown[0] = e);
      thread.start();
      thread.join();
      if (thrown[0] != null) {
        throw new AssertionError(thrown[0]);
      }
      multiply(trial, type, trial.normal(3, inputs, 1), w, null);
    }
  }

  private Operand multiply(Trial trial, DType type, Operand x, Operand w, @Nullable Operand bias) {
    Operand out = trial.out(x.rows(), w.rows());
    trial.run((b, side) -> b.linear(side.of(out), side.of(x), side.of(w), side.optional(bias)));
    trial.assertNear(out, productTolerance(type), trial.productScale(x, w, bias));
    return out;
  }
}
