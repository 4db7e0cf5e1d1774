package jllm.tensor.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;

class ScalarAttentionTest {
  private static final double LN2 = Math.log(2);

  private final ScalarBackend backend = new ScalarBackend(DType.F64);

  @Test
  void rotations() {
    Tensor out = Given.out(3, 4);
    double[] frequencies = {Math.PI / 2, Math.PI / 6};
    backend.rotations(out, Given.indices(1, 0, 1, 3), frequencies, 2);
    double root3 = Math.sqrt(3);
    assertArrayEquals(
        new double[] {2, 0, 2, 0, 0, 2, root3, 1, 0, -2, 0, 2}, Given.values(out), 1e-14);
  }

  @Test
  void ropeTurnsNeighboursOrHalves() {
    // Pair 0 is turned by a quarter, pair 1 by a half; two heads of width 5, the last one is left.
    Tensor rotations = Given.rows(1, 0, 1, -1, 0);
    Tensor x = Given.rows(1, 1, 2, 3, 4, 5, 10, 20, 30, 40, 50);
    Tensor out = Given.out(1, 10);
    backend.rope(out, x, rotations, 5, RopePairing.INTERLEAVED);
    assertArrayEquals(new double[] {-2, 1, -3, -4, 5, -20, 10, -30, -40, 50}, Given.values(out));
    backend.rope(out, x, rotations, 5, RopePairing.HALF_SPLIT);
    assertArrayEquals(new double[] {-3, -2, 1, -4, 5, -30, -20, 10, -40, 50}, Given.values(out));
    backend.rope(x, x, rotations, 5, RopePairing.HALF_SPLIT);
    assertArrayEquals(Given.values(out), Given.values(x));
  }

  @Test
  void causalAttentionWeighsByTheSoftmaxOfTheScores() {
    // One head of width 1: scores of query q are q * k * scale.
    Tensor q = Given.rows(3, 1, 1, 2);
    Tensor k = Given.rows(3, 0, LN2 / 0.5, 2 * LN2 / 0.5);
    Tensor v = Given.rows(3, 1, 10, 100);
    Tensor out = Given.out(3, 1);
    backend.attention(out, q, k, v, spec(1, 1, 1, 0.5f, 0, 0, true), 1, 0);
    // Row 2: weights 1, 4, 16 of 21.
    assertArrayEquals(new double[] {1, 21 / 3.0, 1641 / 21.0}, Given.values(out), 1e-13);
    backend.attention(out, q, k, v, spec(1, 1, 1, 0.5f, 0, 0, false), 1, 0);
    double all = (1 + 20 + 400) / 7.0;
    assertArrayEquals(new double[] {all, all, 1641 / 21.0}, Given.values(out), 1e-13);
  }

  @Test
  void windowCountsTheQuerysOwnPosition() {
    Tensor q = Given.rows(4, 0, 0, 0, 0); // equal weights
    Tensor v = Given.rows(4, 1, 10, 100, 1000);
    Tensor out = Given.out(4, 1);
    backend.attention(out, q, v, v, spec(1, 1, 1, 1, 0, 2, true), 1, 0);
    assertArrayEquals(new double[] {1, 5.5, 55, 550}, Given.values(out), 1e-13);
    backend.attention(out, q, v, v, spec(1, 1, 1, 1, 0, 1, true), 1, 0);
    assertArrayEquals(new double[] {1, 10, 100, 1000}, Given.values(out), 1e-13);
  }

  @Test
  void softCapBoundsTheScores() {
    Tensor q = Given.rows(1, 1e6);
    Tensor k = Given.rows(2, 0, 1);
    Tensor v = Given.rows(2, 3, 6);
    Tensor out = Given.out(1, 1);
    // The second score is cut to 1: weights 1 and e.
    backend.attention(out, q, k, v, spec(1, 1, 1, 1, 1, 0, true), 1, 1);
    double expected = (3 + 6 * Math.E) / (1 + Math.E);
    assertArrayEquals(new double[] {expected}, Given.values(out), 1e-13);
  }

  @Test
  void headsShareKeysInGroups() {
    // 4 heads over 2 key heads of width 2; keys are zero, so values come through as they are.
    Tensor q = Given.rows(1, new double[8]);
    Tensor k = Given.rows(1, new double[4]);
    Tensor v = Given.rows(1, 1, 2, 3, 4);
    Tensor out = Given.out(1, 8);
    backend.attention(out, q, k, v, spec(4, 2, 2, 1, 0, 0, true), 1, 0);
    assertArrayEquals(new double[] {1, 2, 1, 2, 3, 4, 3, 4}, Given.values(out));
  }

  @Test
  void eachHeadUsesItsOwnComponents() {
    Tensor q = Given.rows(1, 1, 0, 0, 1);
    Tensor k = Given.rows(2, 0, 5, 7, 0, LN2, 5, 7, 2 * LN2);
    Tensor v = Given.rows(2, 0, 0, 0, 0, 3, 30, 5, 50);
    Tensor out = Given.out(1, 4);
    backend.attention(out, q, k, v, spec(2, 2, 2, 1, 0, 0, true), 1, 1);
    assertArrayEquals(new double[] {2, 20, 4, 40}, Given.values(out), 1e-13);
  }

  @Test
  void sequencesAndPastAreKeptApart() {
    // 2 sequences of 2 queries after 1 past position; room for 4 positions each, the last unused.
    Tensor q = Given.rows(4, 0, 0, 0, 0);
    double unused = Double.NaN;
    Tensor v = Given.rows(8, 1, 3, 8, unused, 10, 30, 80, unused);
    Tensor out = Given.out(4, 1);
    backend.attention(out, q, v, v, spec(1, 1, 1, 1, 0, 0, true), 2, 1);
    assertArrayEquals(new double[] {2, 4, 20, 40}, Given.values(out), 1e-13);
  }

  private static AttentionSpec spec(
      int heads, int kvHeads, int width, float scale, float cap, int window, boolean causal) {
    return new AttentionSpec(heads, kvHeads, width, scale, cap, window, causal);
  }
}
