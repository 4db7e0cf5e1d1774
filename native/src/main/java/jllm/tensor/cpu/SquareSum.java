package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Tensor;

/** The sum of the squares of all elements: each thread sums a share, and the sums are added. */
final class SquareSum implements Workers.Task {
  /** Elements summed at a time. */
  private static final int CHUNK = 1 << 14;

  /** Doubles from one thread's sum to the next: on cache lines of their own. */
  private static final int APART = 16;

  private final Workers workers;
  private final double[] sums;
  private MemorySegment x = MemorySegment.NULL;
  private long count;

  SquareSum(Workers workers) {
    this.workers = workers;
    sums = new double[workers.count() * APART];
  }

  double of(Tensor x) {
    this.x = x.segment();
    count = x.shape().elements();
    if (count <= CHUNK) {
      return OptimizerLoops.sumOfSquares(this.x, 0, (int) count);
    }
    workers.run(this);
    double sum = 0;
    for (int part = 0; part < workers.count(); part++) {
      sum += sums[part * APART];
    }
    return sum;
  }

  @Override
  public void run(int part, int parts) {
    int chunks = Math.toIntExact((count + CHUNK - 1) / CHUNK);
    int end = Workers.share(chunks, part + 1, parts);
    double sum = 0;
    for (int chunk = Workers.share(chunks, part, parts); chunk < end; chunk++) {
      long first = (long) chunk * CHUNK;
      sum += OptimizerLoops.sumOfSquares(x, 4 * first, (int) Math.min(CHUNK, count - first));
    }
    sums[part * APART] = sum;
  }
}
