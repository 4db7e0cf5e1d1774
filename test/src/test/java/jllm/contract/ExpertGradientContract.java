package jllm.contract;

import jllm.tensor.DType;
import jllm.tensor.Routing;
import jllm.tensor.WeightUse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Derivatives of mixtures of experts, and the loss that balances them. */
interface ExpertGradientContract extends Subject {

  @Test
  default void expertLinearGradients() {
    for (int[] sizes : new int[][] {{1, 33}, {17, 100}, {33, 1}}) {
      int outputs = sizes[0];
      int inputs = sizes[1];
      forChoices(
          "gradient of experts O " + outputs + " I " + inputs,
          (trial, rows, used, experts, chosen) -> {
            double tolerance = trainedProductTolerance(DType.F32);
            Operand w =
                trial.normal(experts * outputs, inputs, 1).reshape(experts, outputs, inputs);
            Operand dout = trial.normal(rows * used, outputs, 1);
            for (int inputRows : new int[] {rows, rows * used}) {
              forward(trial, trial.normal(inputRows, inputs, 1), w, chosen, tolerance);
              input(trial, inputRows, dout, w, chosen, tolerance);
              weight(trial, trial.normal(inputRows, inputs, 1), dout, w, chosen, tolerance);
            }
          });
    }
  }

  /** Adapters are trained over weights that stay as a backend took them over. */
  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void expertLinearBackwardInputOfFrozenWeights(DType type) {
    int inputs = Sizes.input(type, 100);
    try (Trial trial = new Trial(backend(), "gradient of frozen experts of " + type)) {
      Operand w = trial.weight(type, WeightUse.EXPERTS, 4, 37, inputs);
      for (int rows : new int[] {1, 5, 33}) {
        Operand chosen = trial.indices(rows, RoutingContract.choose(trial, rows, 2, 4));
        Operand dout = trial.normal(rows * 2, 37, 1);
        input(trial, rows, dout, w, chosen, trainedProductTolerance(type));
      }
    }
  }

  private static void forward(Trial trial, Operand x, Operand w, Operand chosen, double tolerance) {
    Operand out = trial.out(chosen.rows() * chosen.columns(), w.exact().dim(1));
    trial.run((b, side) -> b.expertLinear(side.of(out), side.of(x), side.of(w), side.of(chosen)));
    trial.assertSum(out, w.columns(), tolerance);
  }

  private static void input(
      Trial trial, int rows, Operand dout, Operand w, Operand chosen, double tolerance) {
    Operand dx = trial.normal(rows, w.columns(), 1).asResult();
    trial.run((b, side) ->
        b.training()
            .expertLinearBackwardInput(side.of(dx), side.of(dout), side.of(w), side.of(chosen)));
    trial.assertSum(dx, w.exact().dim(1) * chosen.columns(), tolerance);
  }

  private static void weight(
      Trial trial, Operand x, Operand dout, Operand w, Operand chosen, double tolerance) {
    int experts = w.exact().dim(0);
    int outputs = w.exact().dim(1);
    Operand dw =
        trial
            .normal(experts * outputs, w.columns(), 1)
            .reshape(experts, outputs, w.columns())
            .asResult();
    trial.run((b, side) ->
        b.training()
            .expertLinearBackwardWeight(
                side.of(dw), side.of(dout), side.of(x), side.of(chosen), DType.F32));
    trial.assertSum(dw, chosen.rows(), tolerance);
  }

  @Test
  default void combineExpertsGradients() {
    for (int width : Sizes.WIDTHS) {
      forChoices(
          "gradient of combined experts of width " + width,
          (trial, rows, used, experts, chosen) -> {
            Operand x = trial.normal(rows * used, width, 1);
            Operand weights = trial.normal(rows, used, 1);
            Operand dout = trial.normal(rows, width, 1);
            Operand dx = trial.normal(rows * used, width, 1).asResult();
            Operand dweights = trial.normal(rows, used, 1).asResult();
            trial.run((b, side) ->
                b.training()
                    .combineExpertsBackward(
                        side.of(dx),
                        side.of(dweights),
                        side.of(dout),
                        side.of(x),
                        side.of(weights)));
            trial.assertEach(dx, 1e-6, 1e-6);
            trial.assertSum(dweights, width);
          });
    }
  }

  @Test
  default void routingGradients() {
    forChoices(
        "gradient of routing",
        (trial, rows, used, experts, chosen) -> {
          Operand logits = trial.normal(rows, experts, 2);
          for (boolean renormalize : new boolean[] {true, false}) {
            Routing routing = new Routing(used, renormalize, 1.5f);
            Operand dout = trial.normal(rows, used, 1);
            Operand dlogits = trial.normal(rows, experts, 1).asResult();
            trial.run((b, side) ->
                b.training()
                    .routingWeightsBackward(
                        side.of(dlogits),
                        side.of(dout),
                        side.of(logits),
                        side.of(chosen),
                        routing));
            trial.assertEach(dlogits, SINGLE, SINGLE);
          }
        });
  }

  @Test
  default void balanceOfRouters() {
    forChoices(
        "balance of routers",
        (trial, rows, used, experts, chosen) -> {
          Operand logits = trial.normal(rows, experts, 2);
          Operand counts = trial.values(1, experts, 3).asResult();
          Operand probabilities = trial.values(1, experts, 2.5).asResult();
          trial.run((b, side) ->
              b.training()
                  .countRouting(
                      side.of(counts), side.of(probabilities), side.of(logits), side.of(chosen)));
          trial.assertEach(counts, 0, 0);
          trial.assertEach(probabilities, 1e-6, 0);

          Operand loss = trial.out(1, 1);
          Operand dloss = trial.values(1, 1, 0.7);
          Operand dprobabilities = trial.normal(1, experts, 1).asResult();
          Operand dlogits = trial.normal(rows, experts, 1).asResult();
          long counted = rows + 3;
          trial.run((b, side) -> {
            b.training()
                .balanceLoss(side.of(loss), side.of(counts), side.of(probabilities), counted);
            b.training()
                .balanceLossBackward(
                    side.of(dprobabilities), side.of(dloss), side.of(counts), counted);
            b.training()
                .countRoutingBackward(side.of(dlogits), side.of(dprobabilities), side.of(logits));
          });
          trial.assertEach(loss, SINGLE, 0);
          trial.assertEach(dprobabilities, 1e-6, 1e-6);
          trial.assertEach(dlogits, SINGLE, SINGLE);
        });
  }

  /** One operation on rows that were sent to experts. */
  interface OfChoice {
    void test(Trial trial, int rows, int used, int experts, Operand chosen);
  }

  private void forChoices(String what, OfChoice test) {
    for (int experts : new int[] {1, 3, 8}) {
      for (int used : new int[] {1, 2, 3}) {
        for (int rows : used > experts ? new int[0] : new int[] {1, 2, 7, 33, 70}) {
          String sizes = ", rows " + rows + " to " + used + " of " + experts;
          try (Trial trial = new Trial(backend(), what + sizes)) {
            int[] chosen = RoutingContract.choose(trial, rows, used, experts);
            test.test(trial, rows, used, experts, trial.indices(rows, chosen));
          }
        }
      }
    }
  }
}
