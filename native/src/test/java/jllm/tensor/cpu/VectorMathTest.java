package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.function.DoubleUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The errors of the vector functions over their whole range, and what they do beyond it. */
class VectorMathTest {
  private static final float[] EXTREMES = {
    0f,
    -0f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    1e-20f,
    -1e-20f,
    87.3f,
    -87.3f,
    88.72f,
    -88.72f,
    89f,
    -89f,
    104f,
    -104f,
    1e4f,
    -1e4f,
    1e20f,
    -1e20f,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
  };

  private final ScalarBackend scalar = new ScalarBackend(DType.F64);
  private final Tensor tensor = Tensor.allocate(Arena.ofAuto(), DType.F64, Shape.of(1, 1));

  private interface Function {
    FloatVector of(FloatVector x);
  }

  private static float apply(Function function, float x) {
    return function.of(FloatVector.broadcast(Lanes.FLOAT, x)).lane(Lanes.COUNT - 1);
  }

  /** The largest relative error, of arguments of either sign. */
  private static double error(
      Function function, DoubleUnaryOperator exact, double from, double to) {
    double worst = 0;
    for (double x = from; x < to; x *= 1.001) {
      for (float argument : new float[] {(float) x, (float) -x}) {
        double expected = exact.applyAsDouble(argument);
        double error = Math.abs(apply(function, argument) - expected) / Math.abs(expected);
        worst = Math.max(worst, error);
      }
    }
    return worst;
  }

  @Test
  void exponential() {
    double error = error(VectorMath::exp, Math::exp, 1e-6, 87.3);
    assertTrue(error < 1.5e-7, "relative error " + error);
    assertEquals(1, apply(VectorMath::exp, 0));
    assertEquals(0, apply(VectorMath::exp, -88));
    assertEquals(0, apply(VectorMath::exp, Float.NEGATIVE_INFINITY));
    assertEquals(Float.POSITIVE_INFINITY, apply(VectorMath::exp, 89));
    assertEquals(Float.POSITIVE_INFINITY, apply(VectorMath::exp, Float.POSITIVE_INFINITY));
    assertEquals(Float.NaN, apply(VectorMath::exp, Float.NaN));
  }

  @Test
  void hyperbolicTangent() {
    double error = error(VectorMath::tanh, Math::tanh, 1e-30, 30);
    assertTrue(error < 3e-7, "relative error " + error);
    assertEquals(1, apply(VectorMath::tanh, Float.POSITIVE_INFINITY));
    assertEquals(-1, apply(VectorMath::tanh, Float.NEGATIVE_INFINITY));
    assertEquals(-1, apply(VectorMath::tanh, -Float.MAX_VALUE));
    assertEquals(Float.NaN, apply(VectorMath::tanh, Float.NaN));
  }

  @ParameterizedTest
  @EnumSource(value = Activation.class, mode = EnumSource.Mode.EXCLUDE, names = "RELU")
  void activationsKeepTheirDigits(Activation activation) {
    Function function =
        switch (activation) {
          case SILU -> VectorMath::silu;
          case GELU_TANH -> VectorMath::geluTanh;
          case GELU_ERF -> VectorMath::geluErf;
          case RELU -> throw new AssertionError();
        };
    double near = error(function, x -> exact(activation, x), 1e-20, 2);
    assertTrue(near < 6e-7, "relative error " + near + " up to 2");
    // The rounding of a large exponent shows where the result is tiny.
    double far = error(function, x -> exact(activation, x), 2, 6);
    assertTrue(far < 4e-6, "relative error " + far + " up to 6");
    for (float x : EXTREMES) {
      float found = apply(function, x);
      double expected = exact(activation, x);
      assertEquals(expected, found, 1e-6 * Math.abs(expected) + 1e-36, activation + " of " + x);
    }
  }

  private double exact(Activation activation, double x) {
    if (activation == Activation.GELU_TANH) {
      // The definition would lose the digits of 1 + tanh.
      return x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }
    tensor.segment().set(JAVA_DOUBLE, 0, x);
    scalar.activate(tensor, tensor, activation);
    return tensor.segment().get(JAVA_DOUBLE, 0);
  }
}
