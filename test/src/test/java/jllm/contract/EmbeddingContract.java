package jllm.contract;

import jllm.tensor.DType;
import jllm.tensor.WeightUse;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link jllm.tensor.Backend#embedding}, alone and tied to the output layer. */
interface EmbeddingContract extends Subject {

  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void embedding(DType type) {
    for (int vocabulary : new int[] {1, 16, 37, 300}) {
      for (int width : Sizes.inputs(type)) {
        try (Trial trial =
            new Trial(backend(), "embedding " + type + " V " + vocabulary + " C " + width)) {
          Operand table = trial.weight(type, WeightUse.EMBEDDING, vocabulary, width);
          look(trial, table);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("jllm.contract.Sizes#weightTypes")
  default void tiedEmbeddingServesBothEnds(DType type) {
    for (int vocabulary : new int[] {3, 32, 301}) {
      for (int width : Sizes.inputs(type)) {
        try (Trial trial =
            new Trial(backend(), "tied " + type + " V " + vocabulary + " C " + width)) {
          Operand table = trial.weight(type, WeightUse.TIED_EMBEDDING, vocabulary, width);
          look(trial, table);
          for (int rows : new int[] {1, 3, 20}) {
            Operand x = trial.normal(rows, width, 1);
            Operand out = trial.out(rows, vocabulary);
            trial.run((b, side) -> b.linear(side.of(out), side.of(x), side.of(table), null));
            trial.assertNear(out, productTolerance(type), trial.productScale(x, table, null));
          }
        }
      }
    }
  }

  private static void look(Trial trial, Operand table) {
    int vocabulary = table.rows();
    for (int rows : new int[] {1, 2, 13, 40}) {
      int[] ids = new int[rows];
      for (int n = 0; n < rows; n++) {
        ids[n] = n == 0 ? vocabulary - 1 : trial.random().nextInt(vocabulary);
      }
      Operand indices = trial.indices(1, ids);
      Operand out = trial.out(rows, table.columns());
      trial.run((b, side) -> b.embedding(side.of(out), side.of(table), side.of(indices)));
      trial.assertEach(out, 1e-6, 1e-6);
    }
  }
}
