package jllm.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.List;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Dropout;
import jllm.tensor.TrainingAttention;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Attention over whole sequences, and its derivative. */
interface AttentionGradientContract extends Subject {

  /** Sequences and the positions of each. */
  List<int[]> LENGTHS =
      List.of(
          new int[] {1, 1},
          new int[] {3, 1},
          new int[] {1, 2},
          new int[] {2, 7},
          new int[] {1, 33},
          new int[] {3, 16},
          new int[] {2, 65},
          new int[] {1, 150});

  List<int[]> FEW_LENGTHS = List.of(new int[] {1, 1}, new int[] {2, 7}, new int[] {2, 67});

  @Test
  default void attentionGradients() {
    for (int[] heads : AttentionContract.HEADS) {
      for (int[] lengths : LENGTHS) {
        check(spec(heads, 0, 0, true), lengths, false, 0, 1);
      }
    }
  }

  @Test
  default void attentionGradientsToAllPositions() {
    for (int[] heads : AttentionContract.FEW_HEADS) {
      for (int[] lengths : FEW_LENGTHS) {
        check(spec(heads, 0, 0, false), lengths, false, 0, 1);
      }
    }
  }

  @Test
  default void attentionGradientsWithinAWindow() {
    for (int[] heads : AttentionContract.FEW_HEADS) {
      for (int[] lengths : FEW_LENGTHS) {
        for (int window : new int[] {1, 5, 16, 33, 1000}) {
          check(spec(heads, 0, window, true), lengths, false, 0, 1);
        }
      }
    }
  }

  @Test
  default void attentionGradientsWithASoftCap() {
    for (int[] heads : AttentionContract.FEW_HEADS) {
      for (int[] lengths : FEW_LENGTHS) {
        check(spec(heads, 50, 0, true), lengths, false, 0, 1);
        check(spec(heads, 2, 9, true), lengths, false, 0, 4);
      }
    }
  }

  @Test
  default void attentionGradientsOfPackedDocuments() {
    for (int[] heads : AttentionContract.FEW_HEADS) {
      for (int[] lengths : FEW_LENGTHS) {
        check(spec(heads, 0, 0, true), lengths, true, 0, 1);
        check(spec(heads, 0, 4, true), lengths, true, 0, 1);
      }
    }
  }

  @Test
  default void attentionGradientsWithDropout() {
    for (int[] heads : AttentionContract.FEW_HEADS) {
      for (int[] lengths : FEW_LENGTHS) {
        check(spec(heads, 0, 0, true), lengths, false, 0.1f, 1);
        check(spec(heads, 20, 6, true), lengths, true, 0.5f, 1);
      }
    }
  }

  /** Scores far apart: one weight is 1 and the others vanish. */
  @Test
  default void attentionGradientsOfExtremeScores() {
    for (int[] lengths : FEW_LENGTHS) {
      for (double size : new double[] {0, 1e-20, 30}) {
        check(spec(AttentionContract.HEADS.get(4), 0, 0, true), lengths, false, 0, size);
      }
    }
  }

  private void check(
      AttentionSpec spec, int[] lengths, boolean documents, float probability, double size) {
    int rows = lengths[0] * lengths[1];
    String sizes = lengths[0] + " sequences of " + lengths[1] + ", queries of " + size;
    String variant = (documents ? ", documents" : "") + ", dropout " + probability;
    try (Trial trial = new Trial(backend(), "gradient of " + spec + ", " + sizes + variant)) {
      int width = spec.heads() * spec.headDim();
      int keyWidth = spec.kvHeads() * spec.headDim();
      Operand q = trial.normal(rows, width, size);
      Operand k = trial.normal(rows, keyWidth, 1);
      Operand v = trial.normal(rows, keyWidth, 1);
      Operand starts = documents ? starts(trial, lengths[0], lengths[1]) : null;
      Dropout dropout = probability > 0 ? new Dropout(probability, 31) : null;
      Operand out = trial.out(rows, width);
      Operand lse = trial.out(rows, spec.heads());
      Operand dout = trial.normal(rows, width, 1);
      boolean add = trial.random().nextBoolean();
      Operand dq = trial.derivative(rows, width, add);
      Operand dk = trial.derivative(rows, keyWidth, add);
      Operand dv = trial.derivative(rows, keyWidth, add);
      trial.run((b, side) -> {
        TrainingAttention attention =
            new TrainingAttention(spec, lengths[0], side.optional(starts), dropout);
        b.training()
            .attention(side.of(out), side.of(lse), side.of(q), side.of(k), side.of(v), attention);
        b.training()
            .attentionBackward(
                side.of(dq),
                side.of(dk),
                side.of(dv),
                side.of(dout),
                side.of(out),
                side.of(lse),
                side.of(q),
                side.of(k),
                side.of(v),
                attention,
                add);
      });
      // Errors of a score are relative to it and become those of a weight.
      double tolerance = attentionTolerance() * Math.max(1, size);
      trial.assertNear(out, tolerance, Math.sqrt((double) rows * width));
      trial.assertEach(lse, tolerance, tolerance);
      trial.assertSum(dq, lengths[1], tolerance);
      trial.assertSum(dk, lengths[1] * spec.groupSize(), tolerance);
      trial.assertSum(dv, lengths[1] * spec.groupSize(), tolerance);
    }
  }

  /** Documents of random lengths. */
  private static Operand starts(Trial trial, int sequences, int length) {
    int[] starts = new int[sequences * length];
    for (int row = 0; row < starts.length; row++) {
      int position = row % length;
      boolean begins = position == 0 || trial.random().nextInt(6) == 0;
      starts[row] = begins ? position : starts[row - 1];
    }
    return trial.indices(1, starts).reshape(starts.length);
  }

  @Test
  default void attentionGradientsAreRepeatable() {
    AttentionSpec spec = spec(new int[] {6, 2, 33}, 0, 0, true);
    try (Trial trial = new Trial(backend(), "gradient of attention once more")) {
      int rows = 2 * 90;
      Operand q = trial.normal(rows, 6 * 33, 1);
      Operand k = trial.normal(rows, 2 * 33, 1);
      Operand v = trial.normal(rows, 2 * 33, 1);
      Operand dout = trial.normal(rows, 6 * 33, 1);
      double @Nullable [][] first = null;
      for (int i = 0; i < 5; i++) {
        double[][] found = once(trial, q, k, v, dout, new TrainingAttention(spec, 2, null, null));
        if (first != null) {
          assertArrayEquals(first, found);
        }
        first = found;
      }
    }
  }

  private static double[][] once(
      Trial trial, Operand q, Operand k, Operand v, Operand dout, TrainingAttention attention) {
    Operand out = trial.out(q.rows(), q.columns());
    Operand lse = trial.out(q.rows(), attention.spec().heads());
    Operand dq = trial.values(q.rows(), q.columns(), 0).asResult();
    Operand dk = trial.values(k.rows(), k.columns(), 0).asResult();
    Operand dv = trial.values(v.rows(), v.columns(), 0).asResult();
    trial.run((b, side) -> {
      b.training()
          .attention(side.of(out), side.of(lse), side.of(q), side.of(k), side.of(v), attention);
      b.training()
          .attentionBackward(
              side.of(dq),
              side.of(dk),
              side.of(dv),
              side.of(dout),
              side.of(out),
              side.of(lse),
              side.of(q),
              side.of(k),
              side.of(v),
              attention);
    });
    return new double[][] {
      out.testedValues(), dq.testedValues(), dk.testedValues(), dv.testedValues()
    };
  }

  private static AttentionSpec spec(int[] heads, float softCap, int window, boolean causal) {
    float scale = (float) (1 / Math.sqrt(heads[2]));
    return new AttentionSpec(heads[0], heads[1], heads[2], scale, softCap, window, causal);
  }
}
