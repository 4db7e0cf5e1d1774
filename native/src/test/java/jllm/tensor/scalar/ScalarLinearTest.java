package jllm.tensor.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.util.Arrays;
import jllm.tensor.DType;
import jllm.tensor.HostMemory;
import jllm.tensor.Routing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.BlockEncoder;
import org.junit.jupiter.api.Test;

class ScalarLinearTest {
  private final ScalarBackend backend = new ScalarBackend(DType.F64);

  @Test
  void linear() {
    Tensor out = Given.out(2, 3);
    Tensor x = Given.rows(2, 1, 2, -3, 4);
    Tensor w = Given.rows(3, 1, 0, 0, 1, 10, 100);
    backend.linear(out, x, w, null);
    assertArrayEquals(new double[] {1, 2, 210, -3, 4, 370}, Given.values(out));
    backend.linear(out, x, w, Given.rows(1, 0.5, 0.25, -1));
    assertArrayEquals(new double[] {1.5, 2.25, 209, -2.5, 4.25, 369}, Given.values(out));
  }

  @Test
  void linearWithBlocks() {
    Tensor w = Tensor.allocate(Arena.ofAuto(), DType.Q8_0, Shape.of(2, 32));
    float[] weights = new float[64];
    weights[0] = 127; // d = 1: integers are exact
    weights[31] = -5;
    weights[32] = -127;
    weights[33] = 4;
    BlockEncoder.of(DType.Q8_0).orElseThrow().encode(weights, 0, 64, w.segment(), 0);
    double[] x = new double[32];
    x[0] = 1;
    x[1] = 10;
    x[31] = 100;
    Tensor out = Given.out(1, 2);
    backend.linear(out, Given.rows(1, x), w, null);
    assertArrayEquals(new double[] {127 - 500, -127 + 40}, Given.values(out));
  }

  @Test
  void embedding() {
    Tensor out = Given.out(3, 2);
    backend.embedding(out, Given.rows(3, 1, 2, 3, 4, 5, 6), Given.indices(1, 2, 0, 2));
    assertArrayEquals(new double[] {5, 6, 1, 2, 5, 6}, Given.values(out));
  }

  @Test
  void rmsNorm() {
    Tensor out = Given.out(2, 2);
    Tensor x = Given.rows(2, 1, 7, 0, 0);
    backend.rmsNorm(out, x, Given.rows(1, 10, 100), 0);
    assertEquals(10 / 5.0, Given.values(out)[0], 1e-15); // sqrt((1 + 49) / 2) = 5
    assertEquals(700 / 5.0, Given.values(out)[1], 1e-13);
    backend.rmsNorm(out, x, null, 11);
    assertArrayEquals(new double[] {1 / 6.0, 7 / 6.0, 0, 0}, Given.values(out), 1e-15);
  }

  @Test
  void layerNorm() {
    Tensor out = Given.out(1, 2);
    Tensor x = Given.rows(1, 3, 9); // mean 6, variance 9
    backend.layerNorm(out, x, null, null, 0);
    assertArrayEquals(new double[] {-1, 1}, Given.values(out), 1e-15);
    backend.layerNorm(out, x, Given.rows(1, 2, 3), Given.rows(1, 10, 20), 16);
    assertArrayEquals(new double[] {10 - 2 * 0.6, 20 + 3 * 0.6}, Given.values(out), 1e-15);
  }

  @Test
  void topKBreaksTiesToTheSmallerIndex() {
    Tensor out = Given.indices(3, new int[9]);
    backend.topK(out, Given.rows(3, 1, 5, 5, 0, 2, 2, 2, 2, -3, -1, -2, -4));
    assertArrayEquals(new int[] {1, 2, 0, 0, 1, 2, 1, 2, 0}, Given.ints(out));
  }

  @Test
  void routingWeights() {
    Tensor logits = Given.rows(1, 0, Math.log(2), Math.log(5), Math.log(8));
    Tensor experts = Given.indices(1, 3, 1);
    Tensor out = Given.out(1, 2);
    backend.routingWeights(out, logits, experts, new Routing(2, true, 1));
    assertArrayEquals(new double[] {0.8, 0.2}, Given.values(out), 1e-15);
    backend.routingWeights(out, logits, experts, new Routing(2, false, 2));
    assertArrayEquals(new double[] {1, 0.25}, Given.values(out), 1e-15);
  }

  @Test
  void expertLinear() {
    Tensor w = Given.rows(6, 1, 0, 0, 1, 2, 0, 0, 2, 3, 0, 0, 3).reshape(3, 2, 2);
    Tensor experts = Given.indices(2, 2, 0, 1, 2);
    Tensor out = Given.out(4, 2);
    backend.expertLinear(out, Given.rows(2, 1, 10, 2, 20), w, experts);
    assertArrayEquals(new double[] {3, 30, 1, 10, 4, 40, 6, 60}, Given.values(out));
    backend.expertLinear(out, Given.rows(4, 1, 1, 2, 2, 3, 3, 4, 4), w, experts);
    assertArrayEquals(new double[] {3, 3, 2, 2, 6, 6, 12, 12}, Given.values(out));
  }

  @Test
  void combineExperts() {
    Tensor out = Given.out(2, 2);
    Tensor x = Given.rows(4, 1, 2, 3, 4, 5, 6, 7, 8);
    backend.combineExperts(out, x, Given.rows(2, 0.5, 0.25, 1, -1));
    assertArrayEquals(new double[] {1.25, 2, -2, -2}, Given.values(out));
  }

  @Test
  void adoptsWeightsAsTheyAreAndConvertsVectors() {
    Arena arena = Arena.ofAuto();
    Tensor matrix = Tensor.allocate(arena, DType.BF16, Shape.of(2, 4));
    assertSame(matrix, backend.adopt(matrix, WeightUse.LINEAR, new HostMemory(arena)));
    Tensor vector = Tensor.allocate(arena, DType.BF16, Shape.of(3));
    BlockEncoder.of(DType.BF16)
        .orElseThrow()
        .encode(new float[] {1, 2, 3}, 0, 3, vector.segment(), 0);
    Tensor adopted = backend.adopt(vector, WeightUse.VECTOR, new HostMemory(arena));
    assertEquals("F64[3]", adopted.toString());
    assertArrayEquals(new double[] {1, 2, 3}, Given.values(adopted));
  }

  @Test
  void otherActivationTypesAreRefused() {
    for (DType type : DType.values()) {
      if (!Arrays.asList(DType.F32, DType.F64).contains(type)) {
        assertThrows(IllegalArgumentException.class, () -> new ScalarBackend(type));
      }
    }
  }
}
