package jllm.generate.perplexity;

import java.io.IOException;
import java.util.List;
import java.util.Objects;
import jllm.format.ModelFile;
import jllm.format.PositionConfig;
import jllm.format.lora.ScaledAdapter;
import jllm.generate.Scorer;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Tensor;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/**
 * Measures how well a model predicts texts (Jelinek et al. 1977), and, if there is another, how far
 * it is from that one. Both go through a text together, a batch of positions at a time, so that no
 * logits are kept. All methods but {@link #cancel} are for one thread.
 */
public final class PerplexityEvaluator implements AutoCloseable {
  /** The context of llama.cpp's perplexity tool, for figures that can be compared. */
  public static final int USUAL_CONTEXT = 512;

  /** Positions that go through a model at once; that many rows of logits are in memory. */
  private static final int ROWS = 256;

  private final Side model;
  private final @Nullable Side base;
  private volatile boolean cancelled;

  /** Hears of each window that is done. */
  @FunctionalInterface
  public interface Listener {
    /**
     * @param scored tokens that counted so far
     * @param perplexity of these
     */
    void onWindow(long scored, double perplexity);
  }

  private record Side(Transformer model, Scorer scorer) implements AutoCloseable {
    static Side open(ModelFile file, List<ScaledAdapter> adapters, Backend backend, int context)
        throws IOException {
      Transformer model = Transformer.of(file.weights(), backend, adapters);
      boolean opened = false;
      try {
        Side side = new Side(model, new Scorer(model, backend, context, ROWS));
        opened = true;
        return side;
      } finally {
        if (!opened) {
          model.close();
        }
      }
    }

    @Override
    public void close() {
      scorer.close();
      model.close();
    }
  }

  private PerplexityEvaluator(Side model, @Nullable Side base) {
    this.model = model;
    this.base = base;
  }

  /**
   * Makes a model ready, and another to compare it with.
   *
   * @param adapters change the first model; as long as this
   * @param context the most tokens of a window
   * @throws EvaluationException if a model cannot see so many, or they have different vocabularies
   * @throws OutOfMemoryError if they do not fit
   */
  public static PerplexityEvaluator open(
      ModelFile file,
      List<ScaledAdapter> adapters,
      @Nullable ModelFile baseFile,
      Backend backend,
      int context)
      throws IOException {
    requireContext(file, context);
    if (baseFile != null) {
      requireContext(baseFile, context);
      int found = file.config().vocabularySize();
      int expected = baseFile.config().vocabularySize();
      if (found != expected) {
        throw new EvaluationException(
            String.format(
                "%s has %d logits and %s %d; predictions can be compared only over the same tokens",
                file.path(), found, baseFile.path(), expected));
      }
    }
    Side model = Side.open(file, adapters, backend, context);
    boolean opened = false;
    try {
      PerplexityEvaluator evaluator =
          new PerplexityEvaluator(
              model, baseFile == null ? null : Side.open(baseFile, List.of(), backend, context));
      opened = true;
      return evaluator;
    } finally {
      if (!opened) {
        model.close();
      }
    }
  }

  private static void requireContext(ModelFile file, int context) {
    int made = file.config().contextLength();
    if (context > made && file.config().position() instanceof PositionConfig.Learned) {
      throw new EvaluationException(
          String.format(
              "the context is %d, expected at most %d: %s has learned positions, and no more than"
                  + " these",
              context, made, file.path()));
    }
  }

  /**
   * The context where none was asked for: {@link #USUAL_CONTEXT}, or less if the models were made
   * for less or the text is shorter.
   */
  public static int context(ModelFile file, @Nullable ModelFile base, EvaluationText text) {
    int made = Math.min(USUAL_CONTEXT, file.config().contextLength());
    if (base != null) {
      made = Math.min(made, base.config().contextLength());
    }
    return Math.min(made, Math.max(ScoredWindow.LEAST_CHUNK, text.length()));
  }

  /**
   * Encodes a text for one model or two.
   *
   * @throws EvaluationException if these would see different tokens
   */
  public static EvaluationText encode(Tokenizer tokenizer, @Nullable Tokenizer base, String text) {
    if (base != null) {
      EvaluationText.requireSame(tokenizer, base, text);
    }
    return EvaluationText.of(tokenizer, text);
  }

  /**
   * Measures over the windows of a text, or those before {@link #cancel}.
   *
   * @throws jllm.generate.UnknownTokenException if a model does not have one of the tokens
   */
  public PerplexityResult measure(
      EvaluationText text, List<ScoredWindow> windows, Listener listener) {
    Scores scores = new Scores();
    long bytes = 0;
    long seen = 0;
    long nanos = 0;
    int done = 0;
    for (ScoredWindow window : windows) {
      if (cancelled) {
        break;
      }
      nanos += score(text.tokens(window), window.firstScored() - window.begin(), scores);
      bytes += text.bytes(window.firstScored(), window.end());
      seen += window.seen();
      done++;
      listener.onWindow(scores.loss().count(), Math.exp(scores.loss().mean()));
    }
    double nats = scores.loss().mean() * scores.loss().count();
    return new PerplexityResult(
        scores.loss().exponential(),
        nats / Math.log(2) / bytes,
        -nats,
        scores.loss().count(),
        bytes,
        done,
        seen,
        nanos * 1e-9,
        done == windows.size(),
        scores.comparison());
  }

  /** Runs a window, and returns the nanoseconds that the model took. */
  private long score(int[] tokens, int firstScored, Scores scores) {
    model.scorer.restart(tokens);
    if (base != null) {
      base.scorer.restart(tokens);
    }
    long nanos = 0;
    // The row of a token predicts the next one; nothing counts that follows the last.
    int rows = tokens.length - 1;
    for (int from = 0; from < rows; ) {
      int count = Math.min(model.scorer.maxRows(), rows - from);
      int skipped = Math.clamp(firstScored - 1L - from, 0, count);
      long start = System.nanoTime();
      Tensor logits = model.scorer.next(tokens, from, count, skipped);
      nanos += System.nanoTime() - start;
      Tensor other = base == null ? null : base.scorer.next(tokens, from, count, skipped);
      if (logits != null) {
        scores.add(
            logits,
            base == null ? null : Objects.requireNonNull(other),
            tokens,
            from + skipped + 1);
      }
      from += count;
    }
    return nanos;
  }

  /** Ends {@link #measure} after the window it is at; for another thread. */
  public void cancel() {
    cancelled = true;
  }

  @Override
  public void close() {
    if (base != null) {
      base.close();
    }
    model.close();
  }
}
