package jllm.tensor.scalar;

import java.util.function.DoubleBinaryOperator;
import jllm.tensor.Activation;
import jllm.tensor.Dropout;
import jllm.tensor.Tensor;

/** Derivatives of operations on each element by itself, of the softmax, and dropout. */
final class ElementGradients {
  private ElementGradients() {}

  /** {@code out += term(a, b)}, all of the same shape. */
  static void add(Tensor out, Tensor a, Tensor b, DoubleBinaryOperator term) {
    for (int n = 0; n < a.rows(); n++) {
      double[] row = Rows.read(a, n);
      double[] other = Rows.read(b, n);
      for (int c = 0; c < row.length; c++) {
        row[c] = term.applyAsDouble(row[c], other[c]);
      }
      Rows.add(out, n, row);
    }
  }

  /** All of the same shape. */
  static void gated(
      Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) {
    for (int n = 0; n < gate.rows(); n++) {
      double[] upstream = Rows.read(dout, n);
      double[] gates = Rows.read(gate, n);
      double[] ups = Rows.read(up, n);
      double[] dgates = new double[gates.length];
      double[] dups = new double[gates.length];
      for (int c = 0; c < gates.length; c++) {
        dgates[c] = upstream[c] * ups[c] * slope(activation, gates[c]);
        dups[c] = upstream[c] * Elementwise.activation(activation, gates[c]);
      }
      Rows.add(dgate, n, dgates);
      Rows.add(dup, n, dups);
    }
  }

  /** The derivative of {@link Elementwise#activation}. */
  static double slope(Activation activation, double x) {
    return switch (activation) {
      case SILU -> {
        double sigmoid = 1 / (1 + Math.exp(-x));
        yield sigmoid * (1 + x * (1 - sigmoid));
      }
      case GELU_TANH -> {
        double factor = Math.sqrt(2 / Math.PI);
        double tanh = Math.tanh(factor * (x + 0.044715 * x * x * x));
        double inner = factor * (1 + 3 * 0.044715 * x * x);
        yield (1 + tanh) / 2 + x / 2 * (1 - tanh * tanh) * inner;
      }
      case GELU_ERF ->
          Erf.erfc(-x / Math.sqrt(2)) / 2 + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
      case RELU -> x > 0 ? 1 : 0;
    };
  }

  /** The derivative of {@link Elementwise#softCap}. */
  static double softCapSlope(double x, double cap) {
    double tanh = Math.tanh(x / cap);
    return 1 - tanh * tanh;
  }

  /** dx, dout, out [N, C]. */
  static void softmax(Tensor dx, Tensor dout, Tensor out) {
    for (int n = 0; n < out.rows(); n++) {
      Rows.add(dx, n, softmax(Rows.read(dout, n), Rows.read(out, n)));
    }
  }

  /** {@code p * (g - p . g)}. */
  static double[] softmax(double[] g, double[] p) {
    double mean = Linears.dot(g, p);
    double[] result = new double[p.length];
    for (int c = 0; c < p.length; c++) {
      result[c] = p[c] * (g[c] - mean);
    }
    return result;
  }

  /** out, x [N, C]. */
  static void dropout(Tensor out, Tensor x, Dropout dropout) {
    for (int n = 0; n < x.rows(); n++) {
      Rows.write(out, n, masked(Rows.read(x, n), n, dropout));
    }
  }

  /** dx, dout [N, C]. */
  static void dropoutBackward(Tensor dx, Tensor dout, Dropout dropout) {
    for (int n = 0; n < dout.rows(); n++) {
      Rows.add(dx, n, masked(Rows.read(dout, n), n, dropout));
    }
  }

  private static double[] masked(double[] row, int n, Dropout dropout) {
    int key = dropout.rowKey(n);
    for (int c = 0; c < row.length; c++) {
      row[c] = dropout.keeps(key, c) ? row[c] * dropout.scale() : 0;
    }
    return row;
  }
}
