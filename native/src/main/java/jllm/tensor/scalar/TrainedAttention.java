package jllm.tensor.scalar;

import jllm.tensor.AttentionSpec;
import jllm.tensor.Dropout;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import org.jspecify.annotations.Nullable;

/** Attention over whole sequences and its derivative, one query and head at a time. */
final class TrainedAttention {
  private final TrainingAttention attention;
  private final AttentionSpec spec;
  private final int steps;
  private final int @Nullable [] starts;
  private final double[][] queries;
  private final double[][] keys;
  private final double[][] values;

  TrainedAttention(Tensor q, Tensor k, Tensor v, TrainingAttention attention) {
    this.attention = attention;
    this.spec = attention.spec();
    this.steps = q.rows() / attention.sequences();
    Tensor documents = attention.starts();
    this.starts = documents == null ? null : Rows.readIndices(documents);
    this.queries = Rows.readAll(q);
    this.keys = Rows.readAll(k);
    this.values = Rows.readAll(v);
  }

  /**
   * The weights of one query of one head. Positions are counted from {@code from}.
   *
   * @param first row of the key at {@code from}
   * @param raw scores after the scale, before the cap
   * @param scores after the cap
   * @param masks factors of dropout
   */
  private record Query(int first, double[] raw, double[] scores, double[] masks) {}

  /** out [N, H*D], lse [N, H]. */
  void forward(Tensor out, Tensor lse) {
    for (int n = 0; n < queries.length; n++) {
      double[] result = new double[out.columns()];
      double[] logSums = new double[spec.heads()];
      for (int head = 0; head < spec.heads(); head++) {
        Query query = query(n, head);
        logSums[head] = Softmax.logSum(query.scores());
        for (int j = 0; j < query.scores().length; j++) {
          double weight = Math.exp(query.scores()[j] - logSums[head]) * query.masks()[j];
          add(result, head, values[query.first() + j], shared(head), weight);
        }
      }
      Rows.write(out, n, result);
      Rows.write(lse, n, logSums);
    }
  }

  /** dq, dout, out [N, H*D]; dk, dv [N, K*D]; lse [N, H]. */
  void backward(Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor lse) {
    double[][] dqueries = new double[queries.length][dq.columns()];
    double[][] dkeys = new double[queries.length][dk.columns()];
    double[][] dvalues = new double[queries.length][dv.columns()];
    for (int n = 0; n < queries.length; n++) {
      double[] upstream = Rows.read(dout, n);
      double[] result = Rows.read(out, n);
      double[] logSums = Rows.read(lse, n);
      for (int head = 0; head < spec.heads(); head++) {
        double delta = dot(upstream, head, result, head);
        Query query = query(n, head);
        for (int j = 0; j < query.scores().length; j++) {
          int key = query.first() + j;
          double weight = Math.exp(query.scores()[j] - logSums[head]);
          double mask = query.masks()[j];
          double dweight = mask * dot(upstream, head, values[key], shared(head));
          double dscore = weight * (dweight - delta) * slope(query.raw()[j]) * spec.scale();
          add(dvalues[key], shared(head), upstream, head, weight * mask);
          add(dqueries[n], head, keys[key], shared(head), dscore);
          add(dkeys[key], shared(head), queries[n], head, dscore);
        }
      }
    }
    for (int n = 0; n < queries.length; n++) {
      Rows.add(dq, n, dqueries[n]);
      Rows.add(dk, n, dkeys[n]);
      Rows.add(dv, n, dvalues[n]);
    }
  }

  private Query query(int row, int head) {
    int sequence = row / steps * steps;
    int position = row % steps;
    int to = spec.causal() ? position + 1 : steps;
    int from = spec.window() > 0 ? Math.max(0, position + 1 - spec.window()) : 0;
    if (starts != null) {
      from = Math.max(from, starts[row]);
    }
    double[] raw = new double[to - from];
    double[] scores = new double[to - from];
    double[] masks = new double[to - from];
    for (int j = from; j < to; j++) {
      double score = dot(queries[row], head, keys[sequence + j], shared(head)) * spec.scale();
      raw[j - from] = score;
      scores[j - from] = spec.softCap() > 0 ? Elementwise.softCap(score, spec.softCap()) : score;
      masks[j - from] = mask(row, head, j);
    }
    return new Query(sequence + from, raw, scores, masks);
  }

  private double mask(int row, int head, int position) {
    Dropout dropout = attention.dropout();
    if (dropout == null) {
      return 1;
    }
    int key = dropout.rowKey((long) row * spec.heads() + head);
    return dropout.keeps(key, position) ? dropout.scale() : 0;
  }

  private double slope(double raw) {
    return spec.softCap() > 0 ? ElementGradients.softCapSlope(raw, spec.softCap()) : 1;
  }

  private int shared(int head) {
    return head / spec.groupSize();
  }

  private double dot(double[] a, int headOfA, double[] b, int headOfB) {
    double sum = 0;
    for (int d = 0; d < spec.headDim(); d++) {
      sum += a[headOfA * spec.headDim() + d] * b[headOfB * spec.headDim() + d];
    }
    return sum;
  }

  private void add(double[] sum, int headOfSum, double[] x, int headOfX, double factor) {
    for (int d = 0; d < spec.headDim(); d++) {
      sum[headOfSum * spec.headDim() + d] += factor * x[headOfX * spec.headDim() + d];
    }
  }
}
