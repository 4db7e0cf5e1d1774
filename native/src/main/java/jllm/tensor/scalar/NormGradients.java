package jllm.tensor.scalar;

import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Derivatives of norms of rows. */
final class NormGradients {
  private NormGradients() {}

  /** dx, dout, x [N, C]; dweight, weight [C]. */
  static void rms(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    double[] dscale = new double[x.columns()];
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      double inverse = 1 / Math.sqrt(Linears.dot(row, row) / row.length + eps);
      double[] normed = times(row, inverse);
      double[] upstream = Rows.read(dout, n);
      addProducts(dscale, upstream, normed);
      Rows.add(dx, n, throughScaling(scaled(upstream, weight), normed, inverse));
    }
    if (dweight != null) {
      Rows.addToVector(dweight, dscale);
    }
  }

  /** dx, dout, x [N, C]; dweight, dbias, weight [C]. */
  static void layer(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    double[] dscale = new double[x.columns()];
    for (int n = 0; n < x.rows(); n++) {
      double[] row = centered(Rows.read(x, n));
      double inverse = 1 / Math.sqrt(Linears.dot(row, row) / row.length + eps);
      double[] normed = times(row, inverse);
      double[] upstream = Rows.read(dout, n);
      addProducts(dscale, upstream, normed);
      // The mean takes away from the derivative what the scaling makes of it.
      Rows.add(dx, n, centered(throughScaling(scaled(upstream, weight), normed, inverse)));
    }
    if (dweight != null) {
      Rows.addToVector(dweight, dscale);
    }
    if (dbias != null) {
      LinearGradients.bias(dbias, dout);
    }
  }

  /** {@code r (g - z mean(g z))} of z = normed, r = inverse. */
  private static double[] throughScaling(double[] g, double[] normed, double inverse) {
    double mean = Linears.dot(g, normed) / g.length;
    double[] result = new double[g.length];
    for (int c = 0; c < g.length; c++) {
      result[c] = inverse * (g[c] - normed[c] * mean);
    }
    return result;
  }

  private static double[] scaled(double[] upstream, @Nullable Tensor weight) {
    double[] scale = Rows.vector(weight);
    if (scale == null) {
      return upstream;
    }
    double[] result = new double[upstream.length];
    addProducts(result, upstream, scale);
    return result;
  }

  private static double[] centered(double[] row) {
    double mean = Norms.mean(row);
    double[] result = new double[row.length];
    for (int c = 0; c < row.length; c++) {
      result[c] = row[c] - mean;
    }
    return result;
  }

  private static double[] times(double[] row, double factor) {
    double[] result = new double[row.length];
    for (int c = 0; c < row.length; c++) {
      result[c] = row[c] * factor;
    }
    return result;
  }

  private static void addProducts(double[] sum, double[] a, double[] b) {
    for (int c = 0; c < sum.length; c++) {
      sum[c] += a[c] * b[c];
    }
  }
}
