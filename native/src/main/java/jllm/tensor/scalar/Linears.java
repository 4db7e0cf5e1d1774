package jllm.tensor.scalar;

import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Products with weights. */
final class Linears {
  private Linears() {}

  /** out [N, C], table [V, C], ids I32 [N]. */
  static void embedding(Tensor out, Tensor table, Tensor ids) {
    int[] rows = Rows.readIndices(ids);
    for (int n = 0; n < rows.length; n++) {
      Rows.write(out, n, Rows.read(table, rows[n]));
    }
  }

  /** out [N, O], x [N, I], w [O, I], bias [O]. */
  static void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    double[][] inputs = Rows.readAll(x);
    double[][] outputs = new double[inputs.length][w.dim(0)];
    double[] add = Rows.vector(bias);
    for (int o = 0; o < w.dim(0); o++) {
      double[] weights = Rows.read(w, o);
      for (int n = 0; n < inputs.length; n++) {
        outputs[n][o] = dot(inputs[n], weights) + (add == null ? 0 : add[o]);
      }
    }
    for (int n = 0; n < inputs.length; n++) {
      Rows.write(out, n, outputs[n]);
    }
  }

  /** out [N*U, O], x [N, I] or [N*U, I], w [E, O, I], experts I32 [N, U]. */
  static void expertLinear(Tensor out, Tensor x, Tensor w, Tensor experts) {
    int[] chosen = Rows.readIndices(experts);
    int rowsPerInput = chosen.length / x.rows();
    double[][] inputs = Rows.readAll(x);
    double[][] outputs = new double[chosen.length][w.dim(1)];
    for (int expert = 0; expert < w.dim(0); expert++) {
      for (int o = 0; o < w.dim(1); o++) {
        double[] weights = Rows.read(w, (long) expert * w.dim(1) + o);
        for (int r = 0; r < chosen.length; r++) {
          if (chosen[r] == expert) {
            outputs[r][o] = dot(inputs[r / rowsPerInput], weights);
          }
        }
      }
    }
    for (int r = 0; r < chosen.length; r++) {
      Rows.write(out, r, outputs[r]);
    }
  }

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
