package jllm.train.data;

import java.util.Arrays;
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
    private final SourceShuffle shuffle;
    private final int length;

    /**
     * @param weights of the sources, 0 = in proportion to their size
     */
    Shuffled(List<? extends Tokens> sources, List<Double> weights, long seed, int length) {
      this.sources = List.copyOf(sources);
      this.length = length;
      long[] counts = new long[sources.size()];
      Arrays.setAll(counts, this::windows);
      this.shuffle = new SourceShuffle(counts, weights, seed);
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

    @Override
    public void next(TokenBatch batch, int sequences, int separator, int vocabulary) {
      batch.clear();
      for (int i = 0; i < sequences; i++) {
        SourceShuffle.Draw draw = shuffle.next();
        batch.add(sources.get(draw.source()), start(draw), separator, vocabulary);
      }
    }

    /** The last window of an epoch overlaps the one before if it would pass the end. */
    private long start(SourceShuffle.Draw draw) {
      long shift = Long.remainderUnsigned(Permutation.mix(~draw.key()), length);
      long start = shift + draw.index() * length;
      return Math.min(start, sources.get(draw.source()).size() - 1 - length);
    }

    @Override
    public DataState state() {
      return shuffle.state();
    }

    @Override
    public void restore(DataState state) {
      shuffle.restore(state);
    }

    @Override
    public long epochTokens(int batchSize, int length) {
      return shuffle.total() * length;
    }
  }
}
