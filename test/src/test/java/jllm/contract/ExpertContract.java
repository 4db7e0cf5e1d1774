package jllm.contract;

import java.util.Arrays;
import jllm.tensor.DType;
import jllm.tensor.WeightUse;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link jllm.tensor.Backend#expertLinear} with weights of every type. */
interface ExpertContract extends Subject {

  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void expertLinear(DType type) {
    int inputs = Sizes.input(type, 100);
    for (int experts : new int[] {1, 3, 8}) {
      for (int outputs : new int[] {1, 17, 48}) {
        try (Trial trial =
            new Trial(backend(), "expertLinear " + type + " E " + experts + " O " + outputs)) {
          Operand w = trial.weight(type, WeightUse.EXPERTS, experts, outputs, inputs);
          for (int used : new int[] {1, 2, 3}) {
            for (int rows : new int[] {1, 2, 7, 33, 70}) {
              if (used <= experts) {
                Operand chosen =
                    trial.indices(rows, RoutingContract.choose(trial, rows, used, experts));
                multiply(trial, type, trial.normal(rows, inputs, 1), w, chosen);
                multiply(trial, type, trial.normal(rows * used, inputs, 1), w, chosen);
              }
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void expertLinearWithAllRowsAtOneExpert(DType type) {
    int inputs = Sizes.input(type, 300);
    try (Trial trial = new Trial(backend(), "expertLinear " + type + ", the last expert alone")) {
      Operand w = trial.weight(type, WeightUse.EXPERTS, 4, 37, inputs);
      for (int rows : Sizes.ROWS) {
        int[] last = new int[rows];
        Arrays.fill(last, 3);
        multiply(trial, type, trial.normal(rows, inputs, 1), w, trial.indices(rows, last));
      }
    }
  }

  private void multiply(Trial trial, DType type, Operand x, Operand w, Operand experts) {
    int outputs = w.exact().dim(1);
    Operand out = trial.out(experts.rows() * experts.columns(), outputs);
    trial.run((b, side) -> b.expertLinear(side.of(out), side.of(x), side.of(w), side.of(experts)));
    double scale = 0.5 * Math.sqrt(x.columns()) * Math.sqrt((double) out.rows() * outputs);
    trial.assertNear(out, productTolerance(type), scale);
  }
}
