package jllm.train.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.ShardListener;
import jllm.tokenize.shard.Sharder;
import jllm.train.DataException;
import jllm.train.SettingsException;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a run: to train on, in an order that its position describes, and to validate on,
 * always in the order of the files.
 */
public final class TrainingData implements AutoCloseable {
  private final List<TokenFiles> files;
  private final List<Tokens.Range> training;
  private final Tokens.Joined validation;
  private final TrainingOrder order;
  private final int length;
  private final int vocabulary;
  private final int separator;

  private TrainingData(
      List<TokenFiles> files,
      List<Tokens.Range> training,
      List<Tokens.Range> validation,
      DataOptions options,
      int length,
      int vocabulary,
      int separator) {
    this.files = files;
    this.training = training;
    this.validation = new Tokens.Joined(validation);
    this.length = length;
    this.vocabulary = vocabulary;
    this.separator = separator;
    this.order =
        options.sequential()
            ? new TrainingOrder.Sequential(new Tokens.Joined(training))
            : new TrainingOrder.Shuffled(
                training,
                options.sources().stream().map(SourceSpec::weight).toList(),
                options.seed(),
                length);
  }

  /**
   * Opens the data; texts are encoded.
   *
   * @param tokenizer absent if all sources are tokens already
   * @param vocabulary V of the model
   * @param length T
   * @param listener is told how the encoding goes on
   * @throws IOException if a file is missing or cannot be read
   * @throws jllm.tokenize.shard.ShardFormatException if a shard is damaged
   * @throws DataException if the data are too short or have tokens that the model has not
   * @throws SettingsException if the options need a tokenizer and there is none
   */
  public static TrainingData open(
      DataOptions options,
      @Nullable Tokenizer tokenizer,
      int vocabulary,
      int length,
      ShardListener listener)
      throws IOException {
    if (tokenizer != null && tokenizer.vocabulary().size() > vocabulary) {
      throw new DataException(
          "the tokenizer has %d tokens, but the model has a vocabulary of %d; they do not belong together"
              .formatted(tokenizer.vocabulary().size(), vocabulary));
    }
    int separator = options.crossDocuments() ? -1 : separator(tokenizer);
    List<TokenFiles> files = new ArrayList<>();
    boolean opened = false;
    try {
      List<Tokens.Range> training = new ArrayList<>();
      List<Tokens.Range> validation = new ArrayList<>();
      for (SourceSpec source : options.sources()) {
        TokenFiles file = TokenFiles.open(source.path(), "train", tokenizer, listener);
        files.add(file);
        divide(file.tokens(), options.valFraction(), training, validation);
        if (options.validation().isEmpty() && options.valFraction() == 0) {
          ownValidation(source.path(), tokenizer, listener, files, validation);
        }
      }
      for (Path path : options.validation()) {
        TokenFiles file = TokenFiles.open(path, "val", tokenizer, listener);
        files.add(file);
        validation.add(file.tokens());
      }
      TrainingData data =
          new TrainingData(files, training, validation, options, length, vocabulary, separator);
      data.check(options);
      opened = true;
      return data;
    } finally {
      if (!opened) {
        files.forEach(TokenFiles::close);
      }
    }
  }

  /** Whether a path holds tokens, not text. */
  public static boolean isTokens(Path path) throws IOException {
    return TokenFiles.isTokens(path);
  }

  private static int separator(@Nullable Tokenizer tokenizer) {
    int separator = tokenizer == null ? -1 : Sharder.usualSeparator(tokenizer);
    if (separator < 0) {
      throw new SettingsException(
          "documents can be kept apart only by the token between them, which "
              + (tokenizer == null
                  ? "is not known without a tokenizer; name the one that made the shards"
                  : "the tokenizer " + tokenizer.name() + " does not have"));
    }
    return separator;
  }

  /** Shards in a folder may have their validation split beside them. */
  private static void ownValidation(
      Path path,
      @Nullable Tokenizer tokenizer,
      ShardListener listener,
      List<TokenFiles> files,
      List<Tokens.Range> validation)
      throws IOException {
    if (TokenFiles.hasShards(path, "val")) {
      TokenFiles file = TokenFiles.open(path, "val", tokenizer, listener);
      files.add(file);
      validation.add(file.tokens());
    }
  }

  private static void divide(
      Tokens.Range tokens,
      double valFraction,
      List<Tokens.Range> training,
      List<Tokens.Range> validation) {
    long kept = (long) Math.floor(tokens.size() * valFraction);
    training.add(tokens.part(0, tokens.size() - kept));
    if (kept > 0) {
      validation.add(tokens.part(tokens.size() - kept, kept));
    }
  }

  private void check(DataOptions options) {
    order.epochTokens(1, length);
    boolean wanted = !options.validation().isEmpty() || options.valFraction() > 0;
    if (wanted && validation.size() <= length) {
      throw new DataException(
          ("%d tokens to validate on are too few for a sequence of %d and the token that follows;"
                  + " give more, or make sequences shorter")
              .formatted(validation.size(), length));
    }
    for (TokenFiles file : files) {
      file.checkIds(vocabulary);
    }
  }

  /** T. */
  public int sequenceLength() {
    return length;
  }

  /** Tokens to train on. */
  public long trainingTokens() {
    long tokens = 0;
    for (Tokens.Range range : training) {
      tokens += range.size();
    }
    return tokens;
  }

  /** Tokens to validate on, 0 if there are none. */
  public long validationTokens() {
    return validation.size();
  }

  /** Whether there is a sequence to validate on. */
  public boolean hasValidation() {
    return validation.size() > length;
  }

  /**
   * Tokens of one pass through the training data.
   *
   * @throws DataException if they are too few for a batch
   */
  public long epochTokens(int batchSize) {
    return order.epochTokens(batchSize, length);
  }

  /** Fills a batch with the next {@code sequences} sequences to train on. */
  public void next(TokenBatch batch, int sequences) {
    order.next(batch, sequences, separator, vocabulary);
  }

  /**
   * Fills a batch to validate on: that of tokens i * B * T on. The last one may have fewer
   * sequences.
   *
   * @return whether there is a batch of that number
   */
  public boolean validation(TokenBatch batch, int sequences, long index) {
    long start = index * sequences * length;
    long left = (validation.size() - 1 - start) / length;
    batch.clear();
    for (int i = 0; i < Math.min(sequences, left); i++) {
      batch.add(validation, start + (long) i * length, separator, vocabulary);
    }
    return batch.sequences() > 0;
  }

  /** Whether batches say where documents start, which attention does not cross. */
  public boolean separatesDocuments() {
    return separator >= 0;
  }

  /** Where training is in the data. */
  public DataState state() {
    return order.state();
  }

  /**
   * Goes on where a state was taken.
   *
   * @throws DataException if it belongs to other data
   */
  public void restore(DataState state) {
    if (state.taken().size() != order.state().taken().size()
        || state.taken().stream().anyMatch(taken -> taken < 0)) {
      throw new DataException(
          "the position in the data, %s, is that of other sources or another order; resume with the data the run began with"
              .formatted(state.taken()));
    }
    order.restore(state);
  }

  @Override
  public void close() {
    files.forEach(TokenFiles::close);
  }
}
