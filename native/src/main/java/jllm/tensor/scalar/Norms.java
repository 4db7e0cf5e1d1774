package jllm.tensor.scalar;

import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Norms of rows. */
final class Norms {
  private Norms() {}

  /** out, x [N, C]; weight [C]. */
  static void rms(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    double[] scale = Rows.vector(weight);
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      double inverse = 1 / Math.sqrt(Linears.dot(row, row) / row.length + eps);
      for (int c = 0; c < row.length; c++) {
        row[c] *= inverse * (scale == null ? 1 : scale[c]);
      }
      Rows.write(out, n, row);
    }
  }

  /** out, x [N, C]; weight, bias [C]. */
  static void layer(
      Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    double[] scale = Rows.vector(weight);
    double[] shift = Rows.vector(bias);
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      double mean = mean(row);
      for (int c = 0; c < row.length; c++) {
        row[c] -= mean;
      }
      double inverse = 1 / Math.sqrt(Linears.dot(row, row) / row.length + eps);
      for (int c = 0; c < row.length; c++) {
        row[c] = row[c] * inverse * (scale == null ? 1 : scale[c]) + (shift == null ? 0 : shift[c]);
      }
      Rows.write(out, n, row);
    }
  }

  static double mean(double[] row) {
    double sum = 0;
    for (double value : row) {
      sum += value;
    }
    return sum / row.length;
  }
}
