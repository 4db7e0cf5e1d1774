package jllm.tensor.scalar;

import jllm.tensor.Routing;
import jllm.tensor.Tensor;

/** Derivatives of the routing of tokens to experts, and the loss that balances it. */
final class ExpertGradients {
  private ExpertGradients() {}

  /** dx, x [N*U, C]; dweights, weights [N, U]; dout [N, C]. */
  static void combine(Tensor dx, Tensor dweights, Tensor dout, Tensor x, Tensor weights) {
    int used = weights.columns();
    for (int n = 0; n < weights.rows(); n++) {
      double[] upstream = Rows.read(dout, n);
      double[] shares = Rows.read(weights, n);
      double[] dshares = new double[used];
      for (int u = 0; u < used; u++) {
        long row = (long) n * used + u;
        dshares[u] = Linears.dot(upstream, Rows.read(x, row));
        double[] scaled = upstream.clone();
        for (int c = 0; c < scaled.length; c++) {
          scaled[c] *= shares[u];
        }
        Rows.add(dx, row, scaled);
      }
      Rows.add(dweights, n, dshares);
    }
  }

  /** dlogits, logits [N, E]; dout [N, U]; experts I32 [N, U]. */
  static void weights(Tensor dlogits, Tensor dout, Tensor logits, Tensor experts, Routing routing) {
    int used = experts.columns();
    int[] chosen = Rows.readIndices(experts);
    for (int n = 0; n < logits.rows(); n++) {
      double[] row = Rows.read(logits, n);
      double[] upstream = Rows.read(dout, n);
      // Of the experts that were not chosen, the weight is 0 whatever their logit.
      double[] p = new double[row.length];
      double[] g = new double[row.length];
      for (int e = 0; e < row.length; e++) {
        p[e] = routing.renormalize() ? Double.NEGATIVE_INFINITY : row[e];
      }
      for (int u = 0; u < used; u++) {
        int expert = chosen[n * used + u];
        p[expert] = row[expert];
        g[expert] += upstream[u] * routing.scale();
      }
      Softmax.softmax(p);
      Rows.add(dlogits, n, ElementGradients.softmax(g, p));
    }
  }

  /** counts, probabilities [1, E]; logits [N, E]; experts I32 [N, U]. */
  static void count(Tensor counts, Tensor probabilities, Tensor logits, Tensor experts) {
    double[] chosen = new double[logits.columns()];
    for (int expert : Rows.readIndices(experts)) {
      chosen[expert]++;
    }
    Rows.add(counts, 0, chosen);
    double[] sum = new double[logits.columns()];
    for (int n = 0; n < logits.rows(); n++) {
      double[] p = Rows.read(logits, n);
      Softmax.softmax(p);
      for (int e = 0; e < p.length; e++) {
        sum[e] += p[e];
      }
    }
    Rows.add(probabilities, 0, sum);
  }

  /** dlogits, logits [N, E]; dprobabilities [1, E]. */
  static void countBackward(Tensor dlogits, Tensor dprobabilities, Tensor logits) {
    double[] g = Rows.read(dprobabilities, 0);
    for (int n = 0; n < logits.rows(); n++) {
      double[] p = Rows.read(logits, n);
      Softmax.softmax(p);
      Rows.add(dlogits, n, ElementGradients.softmax(g, p));
    }
  }

  /** loss [1, 1]; counts, probabilities [1, E]. */
  static void balanceLoss(Tensor loss, Tensor counts, Tensor probabilities, long rows) {
    double dot = Linears.dot(Rows.read(counts, 0), Rows.read(probabilities, 0));
    Rows.write(loss, 0, new double[] {counts.columns() * (dot / rows / rows)});
  }

  /** dprobabilities, counts [1, E]; dloss [1, 1]. */
  static void balanceLossBackward(Tensor dprobabilities, Tensor dloss, Tensor counts, long rows) {
    double[] result = Rows.read(counts, 0);
    double factor = Rows.read(dloss, 0)[0] * result.length / rows / rows;
    for (int e = 0; e < result.length; e++) {
      result[e] *= factor;
    }
    Rows.add(dprobabilities, 0, result);
  }
}
