package jllm.train.data;

import java.util.ArrayList;
import java.util.List;

/**
 * A random order of things from several sources: those of each come in an order that is drawn anew
 * each time all have come, and the source of the next one is the one that is furthest behind its
 * share.
 */
final class SourceShuffle {
  private final long[] counts;
  private final double[] shares;
  private final long[] taken;
  private final Permutation[] orders;
  private final long[] epochs;
  private final long seed;

  /**
   * What comes next.
   *
   * @param index of the thing in its source
   * @param key a number of its own for each source and epoch
   */
  record Draw(int source, long index, long key) {}

  /**
   * @param counts of the things of each source, at least 1
   * @param weights of the sources, 0 = in proportion to their counts
   */
  SourceShuffle(long[] counts, List<Double> weights, long seed) {
    this.counts = counts.clone();
    this.seed = seed;
    this.shares = new double[counts.length];
    this.taken = new long[counts.length];
    this.orders = new Permutation[counts.length];
    this.epochs = new long[counts.length];
    double sum = 0;
    for (int i = 0; i < shares.length; i++) {
      shares[i] = weights.get(i) > 0 ? weights.get(i) : counts[i];
      sum += shares[i];
    }
    for (int i = 0; i < shares.length; i++) {
      shares[i] /= sum;
      orders[i] = order(i, 0);
    }
  }

  private Permutation order(int source, long epoch) {
    return new Permutation(counts[source], key(source, epoch));
  }

  private long key(int source, long epoch) {
    return Permutation.mix(seed) + source * 0x632BE59BD9B4E019L + epoch;
  }

  /** Things of all sources. */
  long total() {
    long total = 0;
    for (long count : counts) {
      total += count;
    }
    return total;
  }

  Draw next() {
    int source = furthestBehind();
    long epoch = taken[source] / counts[source];
    if (epoch != epochs[source]) {
      epochs[source] = epoch;
      orders[source] = order(source, epoch);
    }
    long index = orders[source].at(taken[source] % counts[source]);
    taken[source]++;
    return new Draw(source, index, key(source, epoch));
  }

  private int furthestBehind() {
    long total = 1;
    for (long count : taken) {
      total += count;
    }
    int furthest = 0;
    double most = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < taken.length; i++) {
      double behind = shares[i] * total - taken[i];
      if (behind > most) {
        most = behind;
        furthest = i;
      }
    }
    return furthest;
  }

  DataState state() {
    List<Long> all = new ArrayList<>();
    for (long count : taken) {
      all.add(count);
    }
    return new DataState(all);
  }

  void restore(DataState state) {
    for (int i = 0; i < taken.length; i++) {
      taken[i] = state.taken().get(i);
      epochs[i] = taken[i] / counts[i];
      orders[i] = order(i, epochs[i]);
    }
  }
}
