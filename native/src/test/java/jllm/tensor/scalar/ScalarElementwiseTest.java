package jllm.tensor.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;

class ScalarElementwiseTest {
  private final ScalarBackend backend = new ScalarBackend(DType.F64);

  @Test
  void silu() {
    // x sigmoid(x), with sigmoid(ln 3) = 3/4 and sigmoid(-ln 3) = 1/4.
    double ln3 = Math.log(3);
    assertArrayEquals(
        new double[] {0.75 * ln3, -0.25 * ln3, 0, 800, -0.0},
        activate(Activation.SILU, ln3, -ln3, 0, 800, -800),
        1e-15);
  }

  /** Values of the formulas, evaluated with C's erf and tanh. */
  @Test
  void gelu() {
    assertArrayEquals(
        new double[] {
          -0.004049694094890287,
          -0.15865525393145707,
          0.34573123063700656,
          1.9544997361036416,
          50,
          0
        },
        activate(Activation.GELU_ERF, -3, -1, 0.5, 2, 50, -50),
        1e-15);
    assertArrayEquals(
        new double[] {
          -0.0036373920817729943,
          -0.15880800939172324,
          0.34571400982514394,
          1.954597694087775,
          50,
          0
        },
        activate(Activation.GELU_TANH, -3, -1, 0.5, 2, 50, -50),
        1e-15);
  }

  @Test
  void relu() {
    assertArrayEquals(new double[] {0, 0, 2}, activate(Activation.RELU, -1, 0, 2));
  }

  @Test
  void gatedActivatesTheGateAlone() {
    Tensor out = Given.out(1, 3);
    backend.gated(out, Given.rows(1, -1, 2, 3), Given.rows(1, 5, -7, 0.5), Activation.RELU);
    assertArrayEquals(new double[] {0, -14, 1.5}, Given.values(out));
  }

  @Test
  void arithmetic() {
    Tensor a = Given.rows(2, 1, 2, 3, 4);
    Tensor b = Given.rows(2, 10, 20, 30, 40);
    Tensor out = Given.out(2, 2);
    backend.add(out, a, b);
    assertArrayEquals(new double[] {11, 22, 33, 44}, Given.values(out));
    backend.mul(out, a, b);
    assertArrayEquals(new double[] {10, 40, 90, 160}, Given.values(out));
    backend.scale(out, a, -0.5f);
    assertArrayEquals(new double[] {-0.5, -1, -1.5, -2}, Given.values(out));
    backend.add(a, a, b);
    assertArrayEquals(new double[] {11, 22, 33, 44}, Given.values(a));
  }

  @Test
  void softCapIsLinearNearZeroAndFlatFarOff() {
    Tensor out = Given.out(1, 3);
    // cap tanh(x / cap), with tanh(ln 2) = 3/5.
    backend.softCap(out, Given.rows(1, 30 * Math.log(2), -1e9, 1e-6), 30);
    assertArrayEquals(new double[] {18, -30, 1e-6}, Given.values(out), 1e-14);
  }

  @Test
  void softmax() {
    Tensor out = Given.out(3, 3);
    double ln2 = Math.log(2);
    backend.softmax(out, Given.rows(3, 0, ln2, 2 * ln2, -1e30, -1e30, -1e30, 5e8, 0, -1e300));
    double third = 1 / 3.0;
    assertArrayEquals(
        new double[] {1 / 7.0, 2 / 7.0, 4 / 7.0, third, third, third, 1, 0, 0},
        Given.values(out),
        1e-15);
  }

  @Test
  void copyRowsLeavesTheOthers() {
    Tensor cache = Given.rows(4, 0, 0, 1, 1, 2, 2, 3, 3);
    backend.copyRows(cache, 1, Given.rows(2, 5, 6, 7, 8));
    assertArrayEquals(new double[] {0, 0, 5, 6, 7, 8, 3, 3}, Given.values(cache));
  }

  @Test
  void f32ResultsAreRoundedOnce() {
    try (ScalarBackend single = new ScalarBackend(DType.F32)) {
      Tensor out = Tensor.allocate(Arena.ofAuto(), DType.F32, Shape.of(1, 1));
      single.add(out, Given.rows(1, 1), Given.rows(1, 0x1p-24));
      assertEquals(1, out.segment().get(ValueLayout.JAVA_FLOAT, 0));
    }
  }

  private double[] activate(Activation activation, double... x) {
    Tensor out = Given.out(1, x.length);
    backend.activate(out, Given.rows(1, x), activation);
    return Given.values(out);
  }
}
