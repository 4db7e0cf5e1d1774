package jllm.train.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.shard.ShardListener;
import jllm.tokenize.shard.Sharder;
import jllm.train.BatchOptions;
import jllm.train.DataException;
import jllm.train.SettingsException;
import org.jspecify.annotations.Nullable;

/** Texts that run on: sequences of T tokens, cut from them anywhere. */
final class TokenData implements TrainingData {
  private final List<TokenFiles> files;
  private final List<Tokens.Range> training;
  private final Tokens.Joined validation;
  private final TrainingOrder order;
  private final int length;
  private final int vocabulary;
  private final int separator;

  private TokenData(
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

  /** See {@link TrainingData#open}. */
  static TokenData open(
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
      TokenData data =
          new TokenData(files, training, validation, options, length, vocabulary, separator);
      data.check(options);
      opened = true;
      return data;
    } finally {
      if (!opened) {
        files.forEach(TokenFiles::close);
      }
    }
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

  @Override
  public int sequenceLength() {
    return length;
  }

  @Override
  public long trainingTokens() {
    long tokens = 0;
    for (Tokens.Range range : training) {
      tokens += range.size();
    }
    return tokens;
  }

  @Override
  public long validationTokens() {
    return validation.size();
  }

  @Override
  public boolean hasValidation() {
    return validation.size() > length;
  }

  @Override
  public double tokensPerStep(BatchOptions batch) {
    return batch.tokensPerStep();
  }

  @Override
  public int largestBatch(BatchOptions batch) {
    return batch.tokensPerBatch();
  }

  @Override
  public long epochTokens(BatchOptions batch) {
    return order.epochTokens(batch.batchSize(), length);
  }

  @Override
  public long steps(double epochs, BatchOptions batch) {
    return Math.max(1, (long) Math.floor(epochs * epochTokens(batch) / batch.tokensPerStep()));
  }

  @Override
  public void next(TokenBatch batch, int sequences) {
    order.next(batch, sequences, separator, vocabulary);
  }

  @Override
  public boolean validation(TokenBatch batch, int sequences, long index) {
    long start = index * sequences * length;
    long left = (validation.size() - 1 - start) / length;
    batch.clear();
    for (int i = 0; i < Math.min(sequences, left); i++) {
      batch.add(validation, start + (long) i * length, separator, vocabulary);
    }
    return batch.sequences() > 0;
  }

  @Override
  public boolean separatesDocuments() {
    return separator >= 0;
  }

  @Override
  public DataState state() {
    return order.state();
  }

  @Override
  public void restore(DataState state) {
    TrainingData.checkState(state, order.state());
    order.restore(state);
  }

  @Override
  public void close() {
    files.forEach(TokenFiles::close);
  }
}
