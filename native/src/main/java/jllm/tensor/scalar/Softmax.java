package jllm.tensor.scalar;

import jllm.tensor.Tensor;

/** Softmax of rows. */
final class Softmax {
  private Softmax() {}

  /** out, x [N, C]. */
  static void rows(Tensor out, Tensor x) {
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      softmax(row);
      Rows.write(out, n, row);
    }
  }

  /** The logarithm of the sum of the exponentials of values. */
  static double logSum(double[] values) {
    double largest = Double.NEGATIVE_INFINITY;
    for (double value : values) {
      largest = Math.max(largest, value);
    }
    double sum = 0;
    for (double value : values) {
      sum += Math.exp(value - largest);
    }
    return largest + Math.log(sum);
  }

  /** Replaces values by their softmax; the largest is taken off first, so that none overflows. */
  static void softmax(double[] values) {
    double largest = Double.NEGATIVE_INFINITY;
    for (double value : values) {
      largest = Math.max(largest, value);
    }
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.exp(values[i] - largest);
      sum += values[i];
    }
    for (int i = 0; i < values.length; i++) {
      values[i] /= sum;
    }
  }
}
