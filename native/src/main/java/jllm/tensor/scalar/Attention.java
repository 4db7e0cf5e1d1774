package jllm.tensor.scalar;

import jllm.tensor.AttentionSpec;
import jllm.tensor.Tensor;

/**
 * Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), one query and head at a time.
 */
final class Attention {
  private Attention() {}

  /** out, q [N, H*D]; k, v [S, K*D]. */
  static void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    int steps = q.rows() / sequences;
    int capacity = k.rows() / sequences;
    for (int s = 0; s < sequences; s++) {
      double[][] keys = readSequence(k, s * capacity, past + steps);
      double[][] values = readSequence(v, s * capacity, past + steps);
      for (int t = 0; t < steps; t++) {
        double[] query = Rows.read(q, s * steps + t);
        double[] result = new double[query.length];
        for (int head = 0; head < spec.heads(); head++) {
          attend(result, query, keys, values, spec, head, past + t);
        }
        Rows.write(out, s * steps + t, result);
      }
    }
  }

  /** One head of the query at position {@code position}. */
  private static void attend(
      double[] result,
      double[] query,
      double[][] keys,
      double[][] values,
      AttentionSpec spec,
      int head,
      int position) {
    int to = spec.causal() ? position + 1 : keys.length;
    int from = spec.window() > 0 ? Math.max(0, position + 1 - spec.window()) : 0;
    int at = head * spec.headDim();
    int shared = head / spec.groupSize() * spec.headDim();
    double[] weights = new double[to - from];
    for (int j = from; j < to; j++) {
      double score = 0;
      for (int d = 0; d < spec.headDim(); d++) {
        score += query[at + d] * keys[j][shared + d];
      }
      score *= spec.scale();
      weights[j - from] = spec.softCap() > 0 ? Elementwise.softCap(score, spec.softCap()) : score;
    }
    Softmax.softmax(weights);
    for (int j = from; j < to; j++) {
      for (int d = 0; d < spec.headDim(); d++) {
        result[at + d] += weights[j - from] * values[j][shared + d];
      }
    }
  }

  private static double[][] readSequence(Tensor tensor, int from, int count) {
    double[][] rows = new double[count][];
    for (int j = 0; j < count; j++) {
      rows[j] = Rows.read(tensor, from + j);
    }
    return rows;
  }
}
