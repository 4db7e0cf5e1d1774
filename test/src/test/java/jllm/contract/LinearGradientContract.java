package jllm.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import jllm.tensor.DType;
import jllm.tensor.WeightUse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Derivatives of products with weights, and products with weights as they are while they train. */
interface LinearGradientContract extends Subject {

  /** Rows, outputs and inputs beyond the blocks that kernels divide their work by. */
  int[][] LARGER_SIZES = {
    {130, 49, 1030},
    {35, 520, 301},
    {600, 33, 70},
    {7, 1100, 65},
    {77, 16, 96},
    {67, 2000, 20},
    {21, 32, 2080},
    {43, 720, 48}
  };

  /** Weights that change each step are not adopted. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  default void linearWithWeightsThatTrain(DType type) {
    forSizes(
        "linear with " + type + " that trains",
        (trial, rows, outputs, inputs) -> {
          Operand x = trial.normal(rows, inputs, 1);
          Operand w = trial.plainWeight(type, outputs, inputs);
          Operand bias = trial.normal(1, outputs, 1).reshape(outputs);
          Operand out = trial.out(rows, outputs);
          trial.run((b, side) -> b.linear(side.of(out), side.of(x), side.of(w), side.of(bias)));
          trial.assertSum(out, inputs, trainedProductTolerance(type));
        });
  }

  @Test
  default void addLinear() {
    forSizes(
        "addLinear",
        (trial, rows, outputs, inputs) -> {
          Operand x = trial.normal(rows, inputs, 1);
          Operand w = trial.plainWeight(DType.F32, outputs, inputs);
          Operand out = trial.normal(rows, outputs, 1).asResult();
          trial.run((b, side) -> b.training().addLinear(side.of(out), side.of(x), side.of(w)));
          trial.assertSum(out, inputs, trainedProductTolerance(DType.F32));
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  default void linearBackwardInput(DType type) {
    forSizes(
        "linearBackwardInput with " + type,
        (trial, rows, outputs, inputs) -> {
          Operand w = trial.plainWeight(type, outputs, inputs);
          input(trial, trial.normal(rows, outputs, 1), w, trainedProductTolerance(type));
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  default void linearBackward(DType type) {
    forSizes(
        "linearBackward with " + type,
        (trial, rows, outputs, inputs) -> {
          Operand w = trial.plainWeight(type, outputs, inputs);
          Operand x = trial.normal(rows, inputs, 1);
          Operand dout = trial.normal(rows, outputs, 1);
          for (boolean add : new boolean[] {true, false}) {
            Operand dx = trial.derivative(rows, inputs, add);
            Operand dw = trial.normal(outputs, inputs, 1).asResult();
            Operand dbias = trial.normal(1, outputs, 1).reshape(outputs).asResult();
            trial.run((b, side) ->
                b.training()
                    .linearBackward(
                        side.of(dx),
                        side.of(dw),
                        side.of(dbias),
                        side.of(dout),
                        side.of(x),
                        side.of(w),
                        add));
            trial.assertSum(dx, outputs, trainedProductTolerance(type));
            trial.assertSum(dw, rows, trainedProductTolerance(type));
            trial.assertSum(dbias, rows);
          }
        });
  }

  /** Adapters are trained over weights that stay as a backend took them over. */
  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void linearBackwardInputOfFrozenWeights(DType type) {
    for (int least : new int[] {70, 300}) {
      int inputs = Sizes.input(type, least);
      for (int outputs : new int[] {1, 33, 150}) {
        String sizes = " O " + outputs + " I " + inputs;
        try (Trial trial = new Trial(backend(), "linearBackwardInput of frozen " + type + sizes)) {
          Operand w = trial.weight(type, WeightUse.LINEAR, outputs, inputs);
          for (int rows : new int[] {1, 5, 33}) {
            input(trial, trial.normal(rows, outputs, 1), w, trainedProductTolerance(type));
          }
        }
      }
    }
  }

  private static void input(Trial trial, Operand dout, Operand w, double tolerance) {
    Operand dx = trial.normal(dout.rows(), w.columns(), 1).asResult();
    trial.run(
        (b, side) -> b.training().linearBackwardInput(side.of(dx), side.of(dout), side.of(w)));
    trial.assertSum(dx, w.rows(), tolerance);
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  default void linearBackwardWeight(DType type) {
    forSizes(
        "linearBackwardWeight of " + type,
        (trial, rows, outputs, inputs) -> {
          Operand x = trial.normal(rows, inputs, 1);
          Operand dout = trial.normal(rows, outputs, 1);
          Operand dw = trial.normal(outputs, inputs, 1).asResult();
          trial.run((b, side) ->
              b.training().linearBackwardWeight(side.of(dw), side.of(dout), side.of(x), type));
          trial.assertSum(dw, rows, trainedProductTolerance(type));
        });
  }

  @Test
  default void biasBackward() {
    forSizes(
        "biasBackward",
        (trial, rows, outputs, inputs) -> {
          Operand dout = trial.normal(rows, outputs, 1);
          Operand dbias = trial.normal(1, outputs, 1).reshape(outputs).asResult();
          trial.run((b, side) -> b.training().biasBackward(side.of(dbias), side.of(dout)));
          trial.assertSum(dbias, rows);
        });
  }

  @Test
  default void embeddingBackward() {
    for (int vocabulary : new int[] {1, 5, 1000}) {
      for (int width : Sizes.WIDTHS) {
        for (int rows : Sizes.ROWS) {
          String sizes = "embeddingBackward V " + vocabulary + " C " + width + " rows " + rows;
          try (Trial trial = new Trial(backend(), sizes)) {
            Operand ids =
                trial.indices(1, trial.random().ints(rows, 0, vocabulary).toArray()).reshape(rows);
            Operand dout = trial.normal(rows, width, 1);
            Operand dtable = trial.normal(vocabulary, width, 1).asResult();
            trial.run((b, side) ->
                b.training().embeddingBackward(side.of(dtable), side.of(dout), side.of(ids)));
            trial.assertSum(dtable, 1);
          }
        }
      }
    }
  }

  /** A run with the same number of threads can be repeated to the last bit. */
  @Test
  default void linearGradientsAreRepeatable() {
    try (Trial trial = new Trial(backend(), "gradients of linear once more")) {
      Operand x = trial.normal(131, 260, 1);
      Operand w = trial.plainWeight(DType.F32, 190, 260);
      Operand dout = trial.normal(131, 190, 1);
      double[][] first = gradients(trial, dout, x, w);
      for (int i = 0; i < 5; i++) {
        assertArrayEquals(first, gradients(trial, dout, x, w));
      }
    }
  }

  private static double[][] gradients(Trial trial, Operand dout, Operand x, Operand w) {
    Operand dx = trial.values(x.rows(), x.columns(), 0).asResult();
    Operand dw = trial.values(w.rows(), w.columns(), 0).asResult();
    Operand dbias = trial.values(1, w.rows(), 0).reshape(w.rows()).asResult();
    trial.run((b, side) -> {
      b.training().linearBackwardInput(side.of(dx), side.of(dout), side.of(w));
      b.training().linearBackwardWeight(side.of(dw), side.of(dout), side.of(x), DType.F32);
      b.training().biasBackward(side.of(dbias), side.of(dout));
    });
    return new double[][] {dx.testedValues(), dw.testedValues(), dbias.testedValues()};
  }

  /** One operation on operands of some sizes. */
  interface OfSizes {
    void test(Trial trial, int rows, int outputs, int inputs);
  }

  private void forSizes(String what, OfSizes test) {
    for (int rows : Sizes.ROWS) {
      for (int outputs : Sizes.OUTPUTS) {
        for (int inputs : new int[] {1, 7, 33, 100}) {
          of(what, test, rows, outputs, inputs);
        }
      }
    }
    for (int[] sizes : LARGER_SIZES) {
      of(what, test, sizes[0], sizes[1], sizes[2]);
    }
  }

  private void of(String what, OfSizes test, int rows, int outputs, int inputs) {
    String sizes = ", rows " + rows + " O " + outputs + " I " + inputs;
    try (Trial trial = new Trial(backend(), what + sizes)) {
      test.test(trial, rows, outputs, inputs);
    }
  }
}
