package jllm.tensor.scalar;

import java.lang.foreign.ValueLayout;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;

/** Routing of tokens to experts and back (Jiang et al. 2024, section 2.1). */
final class Experts {
  private Experts() {}

  /** out I32 [N, U], x [N, E]. */
  static void topK(Tensor out, Tensor x) {
    int used = out.columns();
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      boolean[] taken = new boolean[row.length];
      for (int u = 0; u < used; u++) {
        int best = -1;
        for (int e = 0; e < row.length; e++) {
          if (!taken[e] && (best < 0 || row[e] > row[best])) {
            best = e;
          }
        }
        taken[best] = true;
        out.segment().setAtIndex(ValueLayout.JAVA_INT, (long) n * used + u, best);
      }
    }
  }

  /** out [N, U], logits [N, E], experts I32 [N, U]. */
  static void weights(Tensor out, Tensor logits, Tensor experts, Routing routing) {
    int used = experts.columns();
    int[] chosen = Rows.readIndices(experts);
    for (int n = 0; n < logits.rows(); n++) {
      double[] row = Rows.read(logits, n);
      if (!routing.renormalize()) {
        Softmax.softmax(row);
      }
      double[] weights = new double[used];
      for (int u = 0; u < used; u++) {
        weights[u] = row[chosen[n * used + u]];
      }
      if (routing.renormalize()) {
        Softmax.softmax(weights);
      }
      for (int u = 0; u < used; u++) {
        weights[u] *= routing.scale();
      }
      Rows.write(out, n, weights);
    }
  }

  /** out [N, C], x [N*U, C], weights [N, U]. */
  static void combine(Tensor out, Tensor x, Tensor weights) {
    int used = weights.columns();
    for (int n = 0; n < weights.rows(); n++) {
      double[] shares = Rows.read(weights, n);
      double[] sum = new double[x.columns()];
      for (int u = 0; u < used; u++) {
        double[] row = Rows.read(x, (long) n * used + u);
        for (int c = 0; c < sum.length; c++) {
          sum[c] += shares[u] * row[c];
        }
      }
      Rows.write(out, n, sum);
    }
  }
}
