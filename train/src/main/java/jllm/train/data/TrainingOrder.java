package jllm.train.data;

import java.util.ArrayList;
import java.util.List;
import jllm.train.DataException;

/** Which sequences come one after the other in training. */
sealed interface TrainingOrder {

  /** The next batch. */
  void next(TokenBatch batch, int sequences, int separator, int vocabulary);

  DataState state();

  void restore(DataState state);

  /** Tokens learned from before a source repeats. */
  long epochTokens(int batchSize, int length);

  /**
   * That of the files, as in llm.c: the batch i is the B * T tokens from i * B * T on; what is left
   * at the end and too short for a batch is left out, and the data start anew.
   */
  final class Sequential implements TrainingOrder {
    private final Tokens tokens;
    private long taken;

    Sequential(Tokens tokens) {
      this.tokens = tokens;
    }

    private long batches(int rows) {
      long batches = (tokens.size() - 1) / rows;
      if (batches < 1) {
        throw new DataException(
            ("%s: %d tokens are too few for a batch of %d and the token that follows; give more"
                    + " text, or make batches or sequences smaller")
                .formatted(tokens.name(), tokens.size(), rows));
      }
      return batches;
    }

    @Override
    public void next(TokenBatch batch, int sequences, int separator, int vocabulary) {
      int rows = sequences * batch.length();
      long start = taken % batches(rows) * rows;
      batch.clear();
      for (int i = 0; i < sequences; i++) {
        batch.add(tokens, start + (long) i * batch.length(), separator, vocabulary);
      }
      taken++;
    }

    @Override
    public DataState state() {
      return new DataState(List.of(taken));
    }

    @Override
    public void restore(DataState state) {
      taken = state.taken().getFirst();
    }

    @Override
    public long epochTokens(int batchSize, int length) {
      return batches(batchSize * length) * batchSize * length;
    }
  }

  /**
   * Random: each source is cut into windows of T tokens, which come in an order that is drawn anew
   * each time all have come. Where the cuts are is drawn as well, so that sequences begin anywhere;
   * the tokens before the first cut wait for another epoch. The source of the next sequence is the
   * one that is furthest behind its share.
   */
  final class Shuffled implements TrainingOrder {
    private final List<Tokens> sources;
    private final double[] shares;
    private final long[] taken;
    private final Permutation[] orders;
    private final long[] epochs;
    private final long seed;
    private final int length;

    /**
     * @param weights of the sources, 0 = in proportion to their size
     */
    Shuffled(List<? extends Tokens> sources, List<Double> weights, long seed, int length) {
      this.sources = List.copyOf(sources);
      this.seed = seed;
      this.length = length;
      this.shares = new double[sources.size()];
      this.taken = new long[sources.size()];
      this.orders = new Permutation[sources.size()];
      this.epochs = new long[sources.size()];
      double sum = 0;
      for (int i = 0; i < shares.length; i++) {
        shares[i] = weights.get(i) > 0 ? weights.get(i) : windows(i);
        sum += shares[i];
      }
      for (int i = 0; i < shares.length; i++) {
        shares[i] /= sum;
        orders[i] = order(i, 0);
      }
    }

    private long windows(int source) {
      Tokens range = sources.get(source);
      long windows = (range.size() - 1) / length;
      if (windows < 1) {
        throw new DataException(
            ("%s: %d tokens are too few for a sequence of %d and the token that follows; give more"
                    + " text, or make sequences shorter")
                .formatted(range.name(), range.size(), length));
      }
      return windows;
    }

    private Permutation order(int source, long epoch) {
      return new Permutation(windows(source), key(source, epoch));
    }

    private long key(int source, long epoch) {
      return Permutation.mix(seed) + source * 0x632BE59BD9B4E019L + epoch;
    }

    @Override
    public void next(TokenBatch batch, int sequences, int separator, int vocabulary) {
      batch.clear();
      for (int i = 0; i < sequences; i++) {
        int source = furthestBehind();
        batch.add(sources.get(source), start(source), separator, vocabulary);
        taken[source]++;
      }
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

    /** The last window of an epoch overlaps the one before if it would pass the end. */
    private long start(int source) {
      long windows = windows(source);
      long epoch = taken[source] / windows;
      if (epoch != epochs[source]) {
        epochs[source] = epoch;
        orders[source] = order(source, epoch);
      }
      long shift = Long.remainderUnsigned(Permutation.mix(~key(source, epoch)), length);
      long start = shift + orders[source].at(taken[source] % windows) * length;
      return Math.min(start, sources.get(source).size() - 1 - length);
    }

    @Override
    public DataState state() {
      List<Long> counts = new ArrayList<>();
      for (long count : taken) {
        counts.add(count);
      }
      return new DataState(counts);
    }

    @Override
    public void restore(DataState state) {
      for (int i = 0; i < taken.length; i++) {
        taken[i] = state.taken().get(i);
        epochs[i] = taken[i] / windows(i);
        orders[i] = order(i, epochs[i]);
      }
    }

    @Override
    public long epochTokens(int batchSize, int length) {
      long windows = 0;
      for (int i = 0; i < shares.length; i++) {
        windows += windows(i);
      }
      return windows * length;
    }
  }
}
