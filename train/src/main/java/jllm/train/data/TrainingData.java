package jllm.train.data;

import java.io.IOException;
import java.nio.file.Path;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.ShardListener;
import jllm.train.BatchOptions;
import jllm.train.DataException;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a run: to train on, in an order that its position describes, and to validate on,
 * always in the order of the files.
 */
public sealed interface TrainingData extends AutoCloseable permits TokenData, SampleData {

  /**
   * Opens shards or texts; texts are encoded.
   *
   * @param tokenizer absent if all sources are tokens already
   * @param vocabulary V of the model
   * @param length T
   * @param listener is told how the encoding goes on
   * @throws IOException if a file is missing or cannot be read
   * @throws jllm.tokenize.shard.ShardFormatException if a shard is damaged
   * @throws DataException if the data are too short or have tokens that the model has not
   * @throws jllm.train.SettingsException if the options need a tokenizer and there is none
   */
  static TrainingData open(
      DataOptions options,
      @Nullable Tokenizer tokenizer,
      int vocabulary,
      int length,
      ShardListener listener)
      throws IOException {
    return TokenData.open(options, tokenizer, vocabulary, length, listener);
  }

  /** Whether a path holds tokens, not text. */
  static boolean isTokens(Path path) throws IOException {
    return TokenFiles.isTokens(path);
  }

  /** T, the longest sequence. */
  int sequenceLength();

  /** Tokens to train on. */
  long trainingTokens();

  /** Tokens to validate on, 0 if there are none. */
  long validationTokens();

  /** Whether there is a sequence to validate on. */
  boolean hasValidation();

  /** Tokens that a step reads, on average. */
  double tokensPerStep(BatchOptions batch);

  /** Rows of the largest batch that there may be. */
  int largestBatch(BatchOptions batch);

  /**
   * Tokens of one pass through the training data.
   *
   * @throws DataException if they are too few for a batch
   */
  long epochTokens(BatchOptions batch);

  /**
   * Steps of some passes through the training data, at least one.
   *
   * @throws DataException if the data are too few for a batch
   */
  long steps(double epochs, BatchOptions batch);

  /** Fills a batch with the next {@code sequences} sequences to train on. */
  void next(TokenBatch batch, int sequences);

  /**
   * Fills a batch to validate on: the i-th of those in the order of the files. The last one may be
   * smaller.
   *
   * @return whether there is a batch of that number
   */
  boolean validation(TokenBatch batch, int sequences, long index);

  /** Whether batches say where documents start, which attention does not cross. */
  boolean separatesDocuments();

  /** Where training is in the data. */
  DataState state();

  /**
   * Goes on where a state was taken.
   *
   * @throws DataException if it belongs to other data
   */
  void restore(DataState state);

  @Override
  void close();

  /** Checks that a state is one of as many sources as another. */
  static void checkState(DataState state, DataState own) {
    if (state.taken().size() != own.taken().size()
        || state.taken().stream().anyMatch(taken -> taken < 0)) {
      throw new DataException(
          "the position in the data, %s, is that of other sources or another order; resume with the data the run began with"
              .formatted(state.taken()));
    }
  }
}
