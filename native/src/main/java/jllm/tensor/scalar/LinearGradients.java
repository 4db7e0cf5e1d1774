package jllm.tensor.scalar;

import java.util.Arrays;
import java.util.stream.IntStream;
import jllm.tensor.Tensor;

/** Derivatives of products with weights, and of the choice of their rows. */
final class LinearGradients {
  private LinearGradients() {}

  /** dtable [V, C], dout [N, C], ids I32 [N]. */
  static void embedding(Tensor dtable, Tensor dout, Tensor ids) {
    int[] rows = Rows.readIndices(ids);
    for (int n = 0; n < rows.length; n++) {
      Rows.add(dtable, rows[n], Rows.read(dout, n));
    }
  }

  /** out [N, O], x [N, I], w [O, I]. */
  static void addLinear(Tensor out, Tensor x, Tensor w) {
    double[][] weights = Rows.readAll(w);
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      double[] sums = new double[weights.length];
      Arrays.setAll(
          sums, o -> IntStream.range(0, row.length).mapToDouble(i -> row[i] * weights[o][i]).sum());
      Rows.add(out, n, sums);
    }
  }

  /** dx [N, I], dout [N, O], w [O, I]. */
  static void input(Tensor dx, Tensor dout, Tensor w) {
    double[][] weights = Rows.readAll(w);
    for (int n = 0; n < dout.rows(); n++) {
      Rows.add(dx, n, combination(Rows.read(dout, n), weights, 0));
    }
  }

  /** dw [O, I], dout [N, O], x [N, I]. */
  static void weight(Tensor dw, Tensor dout, Tensor x) {
    double[][] sums = new double[dout.columns()][x.columns()];
    for (int n = 0; n < x.rows(); n++) {
      addOuter(sums, 0, Rows.read(dout, n), Rows.read(x, n));
    }
    addAll(dw, sums);
  }

  /** dbias [O], dout [N, O]. */
  static void bias(Tensor dbias, Tensor dout) {
    double[] sums = new double[dout.columns()];
    for (int n = 0; n < dout.rows(); n++) {
      addTo(sums, Rows.read(dout, n), 1);
    }
    Rows.addToVector(dbias, sums);
  }

  /** dx [N, I] or [N*U, I], dout [N*U, O], w [E, O, I], experts I32 [N, U]. */
  static void expertInput(Tensor dx, Tensor dout, Tensor w, Tensor experts) {
    int[] chosen = Rows.readIndices(experts);
    int rowsPerInput = chosen.length / dx.rows();
    double[][] weights = Rows.readAll(w);
    for (int r = 0; r < chosen.length; r++) {
      int first = chosen[r] * w.dim(1);
      Rows.add(dx, r / rowsPerInput, combination(Rows.read(dout, r), weights, first));
    }
  }

  /** dw [E, O, I], dout [N*U, O], x [N, I] or [N*U, I], experts I32 [N, U]. */
  static void expertWeight(Tensor dw, Tensor dout, Tensor x, Tensor experts) {
    int[] chosen = Rows.readIndices(experts);
    int rowsPerInput = chosen.length / x.rows();
    double[][] sums = new double[dw.rows()][dw.columns()];
    for (int r = 0; r < chosen.length; r++) {
      addOuter(sums, chosen[r] * dw.dim(1), Rows.read(dout, r), Rows.read(x, r / rowsPerInput));
    }
    addAll(dw, sums);
  }

  /** {@code sum over o of factors[o] * rows[first + o]}. */
  private static double[] combination(double[] factors, double[][] rows, int first) {
    double[] sum = new double[rows[0].length];
    for (int o = 0; o < factors.length; o++) {
      addTo(sum, rows[first + o], factors[o]);
    }
    return sum;
  }

  /** {@code sums[first + o] += dout[o] * x}. */
  private static void addOuter(double[][] sums, int first, double[] dout, double[] x) {
    for (int o = 0; o < dout.length; o++) {
      addTo(sums[first + o], x, dout[o]);
    }
  }

  private static void addTo(double[] sum, double[] x, double factor) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += factor * x[i];
    }
  }

  private static void addAll(Tensor out, double[][] rows) {
    for (int r = 0; r < rows.length; r++) {
      Rows.add(out, r, rows[r]);
    }
  }
}
