package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;

/**
 * Derivatives of routing and of the sum of what experts return, and the load-balancing loss. Rows
 * of router logits are short: plain loops, exponentials in double precision.
 */
final class ExpertGradients implements Workers.Task {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 14;

  private final Workers workers;

  private MemorySegment dx = MemorySegment.NULL;
  private MemorySegment dweights = MemorySegment.NULL;
  private MemorySegment dout = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private MemorySegment weights = MemorySegment.NULL;
  private int rows;
  private int columns;
  private int used;

  /** The probabilities of a row. */
  private double[] p = new double[0];

  private double[] sums = new double[0];

  ExpertGradients(Workers workers) {
    this.workers = workers;
  }

  /** See {@link jllm.tensor.TrainingKernels#combineExpertsBackward}. */
  void combine(Tensor dx, Tensor dweights, Tensor dout, Tensor x, Tensor weights) {
    this.dx = dx.segment();
    this.dweights = dweights.segment();
    this.dout = dout.segment();
    this.x = x.segment();
    this.weights = weights.segment();
    rows = dout.rows();
    columns = dout.columns();
    used = weights.columns();
    if (rows == 1 || x.shape().elements() < WORTH_SHARING) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int end = Workers.share(rows, part + 1, parts);
    for (int n = Workers.share(rows, part, parts); n < end; n++) {
      long from = 4L * n * columns;
      for (int u = 0; u < used; u++) {
        long pair = (long) n * used + u;
        long at = 4 * pair * columns;
        RowLoops.combine(dx, at, dout, from, columns, weights.get(JAVA_FLOAT, 4 * pair), true);
        add(dweights, 4 * pair, SoftmaxLoops.dot(dout, from, x, at, columns));
      }
    }
  }

  /** See {@link jllm.tensor.TrainingKernels#routingWeightsBackward}. */
  void routing(Tensor dlogits, Tensor dout, Tensor logits, Tensor experts, Routing routing) {
    MemorySegment derivative = dout.segment();
    MemorySegment chosen = experts.segment();
    int count = experts.columns();
    int all = logits.columns();
    for (int n = 0; n < logits.rows(); n++) {
      long row = 4L * n * all;
      long at = 4L * n * count;
      if (routing.renormalize()) {
        softmaxOfChosen(logits.segment(), row, all, chosen, at, count);
      } else {
        softmax(logits.segment(), row, all);
      }
      double mean = 0;
      for (int u = 0; u < count; u++) {
        mean += p[chosen.get(JAVA_INT, at + 4L * u)] * derivative.get(JAVA_FLOAT, at + 4L * u);
      }
      for (int e = 0; e < all; e++) {
        if (p[e] != 0) {
          add(dlogits.segment(), row + 4L * e, (float) (-routing.scale() * p[e] * mean));
        }
      }
      for (int u = 0; u < count; u++) {
        int e = chosen.get(JAVA_INT, at + 4L * u);
        double slope = routing.scale() * p[e] * derivative.get(JAVA_FLOAT, at + 4L * u);
        add(dlogits.segment(), row + 4L * e, (float) slope);
      }
    }
  }

  private static void add(MemorySegment out, long at, float value) {
    out.set(JAVA_FLOAT, at, out.get(JAVA_FLOAT, at) + value);
  }

  /** The softmax of a row to {@link #p}. */
  private void softmax(MemorySegment logits, long row, int count) {
    reserve(count);
    double largest = Double.NEGATIVE_INFINITY;
    for (int e = 0; e < count; e++) {
      largest = Math.max(largest, logits.get(JAVA_FLOAT, row + 4L * e));
    }
    double sum = 0;
    for (int e = 0; e < count; e++) {
      p[e] = Math.exp(logits.get(JAVA_FLOAT, row + 4L * e) - largest);
      sum += p[e];
    }
    for (int e = 0; e < count; e++) {
      p[e] /= sum;
    }
  }

  /** The softmax over some of a row to {@link #p}, the others being 0. */
  private void softmaxOfChosen(
      MemorySegment logits, long row, int all, MemorySegment chosen, long at, int count) {
    reserve(all);
    double largest = Double.NEGATIVE_INFINITY;
    for (int u = 0; u < count; u++) {
      int e = chosen.get(JAVA_INT, at + 4L * u);
      largest = Math.max(largest, logits.get(JAVA_FLOAT, row + 4L * e));
    }
    double sum = 0;
    for (int e = 0; e < all; e++) {
      p[e] = 0;
    }
    for (int u = 0; u < count; u++) {
      int e = chosen.get(JAVA_INT, at + 4L * u);
      p[e] = Math.exp(logits.get(JAVA_FLOAT, row + 4L * e) - largest);
      sum += p[e];
    }
    for (int e = 0; e < all; e++) {
      p[e] /= sum;
    }
  }

  private void reserve(int count) {
    if (p.length < count) {
      p = new double[count];
    }
  }

  /** See {@link jllm.tensor.TrainingKernels#countRouting}. */
  void count(Tensor counts, Tensor probabilities, Tensor logits, Tensor experts) {
    MemorySegment chosen = experts.segment();
    long pairs = experts.shape().elements();
    for (long i = 0; i < pairs; i++) {
      add(counts.segment(), 4L * chosen.getAtIndex(JAVA_INT, i), 1);
    }
    int all = logits.columns();
    sums = sums.length < all ? new double[all] : sums;
    Arrays.fill(sums, 0);
    for (int n = 0; n < logits.rows(); n++) {
      softmax(logits.segment(), 4L * n * all, all);
      for (int e = 0; e < all; e++) {
        sums[e] += p[e];
      }
    }
    for (int e = 0; e < all; e++) {
      add(probabilities.segment(), 4L * e, (float) sums[e]);
    }
  }

  /** See {@link jllm.tensor.TrainingKernels#countRoutingBackward}. */
  void countBackward(Tensor dlogits, Tensor dprobabilities, Tensor logits) {
    MemorySegment slopes = dprobabilities.segment();
    int all = logits.columns();
    for (int n = 0; n < logits.rows(); n++) {
      long row = 4L * n * all;
      softmax(logits.segment(), row, all);
      double mean = 0;
      for (int e = 0; e < all; e++) {
        mean += p[e] * slopes.get(JAVA_FLOAT, 4L * e);
      }
      for (int e = 0; e < all; e++) {
        double slope = p[e] * (slopes.get(JAVA_FLOAT, 4L * e) - mean);
        add(dlogits.segment(), row + 4L * e, (float) slope);
      }
    }
  }

  /** See {@link jllm.tensor.TrainingKernels#balanceLoss}. */
  static void balance(Tensor loss, Tensor counts, Tensor probabilities, long rows) {
    int all = counts.columns();
    double sum = 0;
    for (int e = 0; e < all; e++) {
      double share = counts.segment().get(JAVA_FLOAT, 4L * e) / (double) rows;
      sum += share * probabilities.segment().get(JAVA_FLOAT, 4L * e) / rows;
    }
    loss.segment().set(JAVA_FLOAT, 0, (float) (all * sum));
  }

  /** See {@link jllm.tensor.TrainingKernels#balanceLossBackward}. */
  static void balanceBackward(Tensor dprobabilities, Tensor dloss, Tensor counts, long rows) {
    int all = counts.columns();
    double factor = dloss.segment().get(JAVA_FLOAT, 0) * (double) all / rows / rows;
    for (int e = 0; e < all; e++) {
      double slope = factor * counts.segment().get(JAVA_FLOAT, 4L * e);
      add(dprobabilities.segment(), 4L * e, (float) slope);
    }
  }
}
