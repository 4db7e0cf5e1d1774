package jllm.contract;

import java.util.List;
import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import org.junit.jupiter.api.Test;

/** {@link jllm.tensor.Backend#attention}. */
interface AttentionContract extends Subject {

  /** Heads, key heads and head width; the last ones are those of real models. */
  List<int[]> HEADS =
      List.of(
          new int[] {1, 1, 1},
          new int[] {3, 1, 2},
          new int[] {4, 2, 3},
          new int[] {2, 2, 20},
          new int[] {6, 3, 33},
          new int[] {4, 1, 64},
          new int[] {2, 1, 80},
          new int[] {4, 2, 128});

  /** Queries in a step, and positions before them. */
  List<int[]> POSITIONS =
      List.of(
          new int[] {1, 0},
          new int[] {1, 1},
          new int[] {1, 6},
          new int[] {1, 63},
          new int[] {1, 300},
          new int[] {2, 0},
          new int[] {3, 15},
          new int[] {13, 0},
          new int[] {33, 7},
          new int[] {70, 0},
          new int[] {65, 129});

  /** Some of both, for the variants. */
  List<int[]> FEW_HEADS = List.of(HEADS.get(0), HEADS.get(4), HEADS.get(5));

  List<int[]> FEW_POSITIONS =
      List.of(new int[] {1, 0}, new int[] {1, 99}, new int[] {3, 15}, new int[] {33, 7});

  @Test
  default void causalAttention() {
    for (int[] heads : HEADS) {
      for (int[] positions : POSITIONS) {
        attend(spec(heads, 0, 0, true), 1, positions[0], positions[1], 0, 1);
      }
    }
  }

  @Test
  default void attentionToAllPositions() {
    for (int[] heads : FEW_HEADS) {
      for (int[] positions : FEW_POSITIONS) {
        attend(spec(heads, 0, 0, false), 1, positions[0], positions[1], 3, 1);
      }
    }
  }

  @Test
  default void attentionWithinAWindow() {
    for (int[] heads : FEW_HEADS) {
      for (int[] positions : FEW_POSITIONS) {
        for (int window : new int[] {1, 2, 16, 33, 1000}) {
          attend(spec(heads, 0, window, true), 1, positions[0], positions[1], 5, 1);
        }
      }
    }
  }

  @Test
  default void attentionWithASoftCap() {
    for (int[] heads : FEW_HEADS) {
      for (int[] positions : FEW_POSITIONS) {
        attend(spec(heads, 50, 0, true), 1, positions[0], positions[1], 1, 1);
        attend(spec(heads, 2, 0, true), 1, positions[0], positions[1], 1, 10);
      }
    }
  }

  @Test
  default void attentionOfSeveralSequences() {
    for (int[] heads : FEW_HEADS) {
      for (int[] positions : FEW_POSITIONS) {
        for (int room : new int[] {0, 4}) {
          attend(spec(heads, 0, 0, true), 3, positions[0], positions[1], room, 1);
        }
        attend(spec(heads, 20, 7, true), 2, positions[0], positions[1], 1, 1);
        attend(spec(heads, 0, 0, false), 2, positions[0], positions[1], 1, 1);
      }
    }
  }

  /** Equal scores give the mean of the values; one score far above the others gives its value. */
  @Test
  default void attentionOfExtremeScores() {
    for (int[] heads : FEW_HEADS) {
      for (int[] positions : FEW_POSITIONS) {
        for (double size : new double[] {0, 1e-30, 30, 1e3}) {
          attend(spec(heads, 0, 0, true), 1, positions[0], positions[1], 0, size);
        }
      }
    }
  }

  /** Keys and values in the types that a cache may have, also each in another. */
  @Test
  default void attentionToACacheOfFewerBits() {
    DType[][] types = {
      {DType.F16, DType.F16},
      {DType.Q8_0, DType.Q8_0},
      {DType.BF16, DType.BF16},
      {DType.F16, DType.F32},
      {DType.F32, DType.Q8_0}
    };
    for (DType[] type : types) {
      for (int[] heads : List.of(HEADS.get(3), HEADS.get(4), HEADS.get(5), new int[] {6, 2, 96})) {
        boolean whole = type[0].divides(heads[2]) && type[1].divides(heads[2]);
        if (whole && backend().readsCacheOf(type[0]) && backend().readsCacheOf(type[1])) {
          for (int[] positions : POSITIONS) {
            attend(type[0], type[1], spec(heads, 0, 0, true), 1, positions[0], positions[1]);
            attend(type[0], type[1], spec(heads, 20, 33, true), 2, positions[0], positions[1]);
          }
        }
      }
    }
  }

  private void attend(
      DType keyType, DType valueType, AttentionSpec spec, int sequences, int steps, int past) {
    String sizes = sequences + " sequences of " + steps + " after " + past;
    String types = ", keys " + keyType + ", values " + valueType;
    try (Trial trial = new Trial(backend(), spec + ", " + sizes + types)) {
      int rows = sequences * (past + steps + 2);
      int columns = spec.kvHeads() * spec.headDim();
      Operand q = trial.normal(sequences * steps, spec.heads() * spec.headDim(), 1);
      Operand k = trial.plainWeight(keyType, rows, columns);
      Operand v = trial.plainWeight(valueType, rows, columns);
      Operand out = trial.out(q.rows(), q.columns());
      trial.run((b, side) ->
          b.attention(side.of(out), side.of(q), side.of(k), side.of(v), spec, sequences, past));
      trial.assertNear(out, attentionTolerance());
    }
  }

  /**
   * @param room cache rows of each sequence that hold no position; what is there must not matter
   * @param size of the queries
   */
  private void attend(
      AttentionSpec spec, int sequences, int steps, int past, int room, double size) {
    String sizes = sequences + " sequences of " + steps + " after " + past + ", room " + room;
    try (Trial trial = new Trial(backend(), spec + ", " + sizes + ", queries of " + size)) {
      int capacity = past + steps + room;
      int keyColumns = spec.kvHeads() * spec.headDim();
      Operand q = trial.normal(sequences * steps, spec.heads() * spec.headDim(), size);
      Operand k = trial.normal(sequences * capacity, keyColumns, 1);
      Operand v = trial.normal(sequences * capacity, keyColumns, 1);
      for (int s = 0; s < sequences; s++) {
        for (int i = (s * capacity + past + steps) * keyColumns;
            i < (s + 1) * capacity * keyColumns;
            i++) {
          k.set(i, Double.NaN);
          v.set(i, Double.NaN);
        }
      }
      Operand out = trial.out(q.rows(), q.columns());
      trial.run((b, side) ->
          b.attention(side.of(out), side.of(q), side.of(k), side.of(v), spec, sequences, past));
      // Errors of a score are relative to it and become those of a weight.
      trial.assertNear(out, attentionTolerance() * Math.max(1, size));
    }
  }

  private static AttentionSpec spec(int[] heads, float softCap, int window, boolean causal) {
    float scale = (float) (1 / Math.sqrt(heads[2]));
    return new AttentionSpec(heads[0], heads[1], heads[2], scale, softCap, window, causal);
  }
}
