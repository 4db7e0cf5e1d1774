package jllm.tensor.scalar;

import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import jllm.tensor.Activation;
import jllm.tensor.Tensor;

/** Operations on each element by itself. */
final class Elementwise {
  private Elementwise() {}

  /** out, x of the same shape. */
  static void map(Tensor out, Tensor x, DoubleUnaryOperator function) {
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      for (int c = 0; c < row.length; c++) {
        row[c] = function.applyAsDouble(row[c]);
      }
      Rows.write(out, n, row);
    }
  }

  /** out, a, b of the same shape. */
  static void zip(Tensor out, Tensor a, Tensor b, DoubleBinaryOperator function) {
    for (int n = 0; n < a.rows(); n++) {
      double[] row = Rows.read(a, n);
      double[] other = Rows.read(b, n);
      for (int c = 0; c < row.length; c++) {
        row[c] = function.applyAsDouble(row[c], other[c]);
      }
      Rows.write(out, n, row);
    }
  }

  /** out [S, C], x [N, C]. */
  static void copyRows(Tensor out, int at, Tensor x) {
    for (int n = 0; n < x.rows(); n++) {
      Rows.store(out, at + n, Rows.read(x, n));
    }
  }

  static double activation(Activation activation, double x) {
    return switch (activation) {
      case SILU -> x / (1 + Math.exp(-x));
      case GELU_TANH ->
          x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
      // 1 + erf(z) = erfc(-z), which keeps its digits where x is negative.
      case GELU_ERF -> x / 2 * Erf.erfc(-x / Math.sqrt(2));
      case RELU -> Math.max(x, 0);
    };
  }

  static double softCap(double x, double cap) {
    return cap * Math.tanh(x / cap);
  }
}
