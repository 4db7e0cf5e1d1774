package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;

/**
 * Which experts a row goes to, and the sum of what they return (Jiang et al. 2024, section 2.1).
 * Rows of router logits are short: plain loops.
 */
final class Experts implements Workers.Task {
  /** Elements from which a second thread saves more than it costs. */
  private static final int WORTH_SHARING = 1 << 15;

  private final Workers workers;

  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private MemorySegment weights = MemorySegment.NULL;
  private int rows;
  private int columns;
  private int used;

  Experts(Workers workers) {
    this.workers = workers;
  }

  /** out I32 [N, U]; x [N, E]. */
  static void topK(Tensor out, Tensor x) {
    MemorySegment chosen = out.segment();
    int used = out.columns();
    int experts = x.columns();
    int rows = x.rows();
    for (int n = 0; n < rows; n++) {
      long picks = 4L * n * used;
      for (int u = 0; u < used; u++) {
        int best = nextBest(x.segment(), 4L * n * experts, experts, chosen, picks, u);
        chosen.set(JAVA_INT, picks + 4L * u, best);
      }
    }
  }

  /** The largest value that is not among the first {@code taken} picks. */
  private static int nextBest(
      MemorySegment x, long row, int experts, MemorySegment chosen, long picks, int taken) {
    int best = -1;
    float largest = Float.NaN;
    for (int e = 0; e < experts; e++) {
      float value = x.get(JAVA_FLOAT, row + 4L * e);
      if ((best < 0 || value > largest) && !contains(chosen, picks, taken, e)) {
        best = e;
        largest = value;
      }
    }
    return best;
  }

  private static boolean contains(MemorySegment chosen, long picks, int count, int expert) {
    for (int u = 0; u < count; u++) {
      if (chosen.get(JAVA_INT, picks + 4L * u) == expert) {
        return true;
      }
    }
    return false;
  }

  /** out [N, U]; logits [N, E]; experts I32 [N, U]. */
  static void weights(Tensor out, Tensor logits, Tensor experts, Routing routing) {
    MemorySegment target = out.segment();
    MemorySegment x = logits.segment();
    MemorySegment chosen = experts.segment();
    int used = experts.columns();
    int count = logits.columns();
    int rows = logits.rows();
    for (int n = 0; n < rows; n++) {
      long row = 4L * n * count;
      long at = 4L * n * used;
      // Taken off before the exponential: the largest of those that are summed.
      float largest = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < (routing.renormalize() ? used : count); i++) {
        int e = routing.renormalize() ? chosen.get(JAVA_INT, at + 4L * i) : i;
        largest = Math.max(largest, x.get(JAVA_FLOAT, row + 4L * e));
      }
      double sum = 0;
      for (int u = 0; u < used; u++) {
        float logit = x.get(JAVA_FLOAT, row + 4L * chosen.get(JAVA_INT, at + 4L * u));
        double power = Math.exp((double) logit - largest);
        target.set(JAVA_FLOAT, at + 4L * u, (float) power);
        sum += power;
      }
      if (!routing.renormalize()) {
        sum = 0;
        for (int e = 0; e < count; e++) {
          sum += Math.exp((double) x.get(JAVA_FLOAT, row + 4L * e) - largest);
        }
      }
      for (int u = 0; u < used; u++) {
        double share = target.get(JAVA_FLOAT, at + 4L * u) / sum;
        target.set(JAVA_FLOAT, at + 4L * u, (float) (share * routing.scale()));
      }
    }
  }

  /** out [N, C]; x [N*U, C]; weights [N, U]. */
  void combine(Tensor out, Tensor x, Tensor weights) {
    this.out = out.segment();
    this.x = x.segment();
    this.weights = weights.segment();
    rows = out.rows();
    columns = out.columns();
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
      long target = 4L * n * columns;
      for (int u = 0; u < used; u++) {
        int source = n * used + u;
        float weight = weights.get(JAVA_FLOAT, 4L * source);
        RowLoops.combine(out, target, x, 4L * source * columns, columns, weight, u > 0);
      }
    }
  }
}
