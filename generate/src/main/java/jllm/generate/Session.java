package jllm.generate;

import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import jllm.model.Batch;
import jllm.model.CacheTypes;
import jllm.model.KvCache;
import jllm.model.TokenSteps;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;
import org.jspecify.annotations.Nullable;

/**
 * One text that goes through a model, and the memory for it: the tokens seen, their keys and
 * values, activations. Texts that begin alike cost their common beginning once: {@link #reuse}
 * before {@link #feed}. Model and backend are the caller's. For one thread.
 */
public final class Session implements AutoCloseable {
  private static final int NONE = -1;

  private final Transformer model;
  private final Exec exec;
  private final KvCache cache;
  private final Batch prefill;
  private final TokenSteps steps;
  private final TokenList tokens = new TokenList();

  /** The token whose step was started though nobody asked for it yet; the cache counts it. */
  private int ahead = NONE;

  /** A session with a cache in the backend's activation type. */
  public Session(Transformer model, Backend backend, int context) {
    this(model, backend, context, CacheTypes.of(backend.activationType()));
  }

  /**
   * @param context positions there is room for
   * @param types of the cache
   * @throws OutOfMemoryError if there is no memory for the keys and values, see {@link
   *     KvCache#bytes}
   * @throws IllegalArgumentException if backend or model cannot use a cache of these types
   */
  public Session(Transformer model, Backend backend, int context, CacheTypes types) {
    this(model, backend, context, types, backend.promptRows());
  }

  /**
   * @param stepRows positions that go through the model at once
   */
  Session(Transformer model, Backend backend, int context, CacheTypes types, int stepRows) {
    types.requireUsable(model.config(), backend);
    this.model = model;
    this.exec = new Exec(backend);
    this.cache = model.newCache(context, types, stepRows);
    this.prefill = Batch.continuing(cache, cache.stepRows());
    this.steps = new TokenSteps(model, backend, cache);
  }

  public Transformer model() {
    return model;
  }

  /** Positions there is room for. */
  public int context() {
    return cache.capacity();
  }

  /** Tokens seen. */
  public int length() {
    return tokens.size();
  }

  /** The tokens seen. */
  public int[] tokens() {
    return tokens.toArray();
  }

  /** Whether what was seen can be kept in a file; the memory of a device is not looked into. */
  public boolean isOnHost() {
    return cache.isOnHost();
  }

  KvCache cache() {
    forgetAhead();
    return cache;
  }

  /** Says that these tokens, of which the cache holds keys and values now, were seen first. */
  void restore(int[] seen) {
    tokens.addAll(seen, 0, seen.length);
    cache.advance(seen.length);
  }

  /**
   * Forgets all tokens from {@code length} on; all of them, where a sliding window has left behind
   * what would be needed to go on there.
   *
   * @return how many are left
   */
  public int rewind(int length) {
    forgetAhead();
    int left = cache.truncate(length);
    tokens.truncate(left);
    return left;
  }

  /**
   * Forgets what a text does not begin with; its last token is always left to be fed, since what
   * follows from it is wanted.
   *
   * @param text a whole text, from its first token on
   * @return how many tokens of it need not be fed
   */
  public int reuse(int[] text) {
    int most = Math.min(tokens.size(), text.length - 1);
    int same = 0;
    while (same < most && tokens.get(same) == text[same]) {
      same++;
    }
    return rewind(same);
  }

  /**
   * Runs the tokens that follow.
   *
   * @param cancelled asked now and then; once it says so, no more are run
   * @return the logits [1, V] after the last token that was run, valid until the next call
   * @throws IllegalArgumentException if there are none, or more than there is room for
   */
  public Tensor feed(int[] text, int from, BooleanSupplier cancelled) {
    Tensor logits = null;
    for (int at = from; at < text.length && (logits == null || !cancelled.getAsBoolean()); ) {
      int count = Math.min(prefill.maxRows(), text.length - at);
      Tensor hidden = run(prefill, text, at, count);
      at += count;
      logits = at == text.length || cancelled.getAsBoolean() ? head(exec.lastRow(hidden)) : null;
    }
    return required(logits);
  }

  /**
   * Runs the token that follows.
   *
   * @return the logits [1, V] of what comes after it, valid until the next call
   */
  public Tensor feed(int token) {
    forgetAhead();
    Tensor logits = steps.run(token);
    tokens.add(token);
    return logits;
  }

  /** Whether {@link #feedToChoose} works here. */
  boolean chooses() {
    return steps.chooses();
  }

  /**
   * Runs the token that follows, and chooses the one after it. The step of that one may be started
   * before it is known; if the text goes on otherwise, that step is forgotten.
   *
   * @param choices how the tokens are chosen, one after the other
   * @param more whether the step of the chosen token is likely to be wanted
   * @return the chosen one
   * @throws jllm.format.ModelFormatException if the logits are not finite numbers
   */
  int feedToChoose(int token, Supplier<TokenChoice> choices, boolean more) {
    if (ahead != token) {
      forgetAhead();
      steps.start(token, choices.get());
    }
    tokens.add(token);
    boolean goesOn = more && cache.length() < cache.capacity();
    if (goesOn) {
      steps.startNext(choices.get());
    }
    int chosen = steps.await();
    if (chosen < 0) {
      if (goesOn) {
        steps.forget();
      }
      ahead = NONE;
      throw Candidates.notFinite();
    }
    ahead = goesOn ? chosen : NONE;
    return chosen;
  }

  /** Drops the step that was started for a token of which nobody knows yet. */
  private void forgetAhead() {
    if (ahead != NONE) {
      steps.forget();
      ahead = NONE;
    }
  }

  /** What {@link #feedToChoose} adds to the logits from now on; empty = nothing. */
  void biases(float[] row) {
    steps.biases(row);
  }

  private Tensor run(Batch batch, int[] text, int from, int count) {
    forgetAhead();
    exec.reset();
    Tensor hidden = model.hidden(exec, batch.fill(text, from, count, 1));
    cache.advance(count);
    tokens.addAll(text, from, count);
    return hidden;
  }

  private Tensor head(Tensor hidden) {
    return exec.onHost(model.logits(exec, hidden));
  }

  private static Tensor required(@Nullable Tensor logits) {
    if (logits == null) {
      throw new IllegalArgumentException("there is no token to run, expected at least one");
    }
    return logits;
  }

  /**
   * Makes room in a full context: goes on with the first {@code keep} tokens and the later half of
   * the others, as if the text had never had the earlier half. What is left is run again, so that
   * the result is exactly that of the shorter text, whatever the model's position encoding.
   *
   * @param keep at most; never so many that nothing could be dropped
   */
  public void shift(int keep) {
    int[] all = tokens.toArray();
    int kept = Math.min(keep, all.length - 2);
    if (kept < 0) {
      rewind(0);
      return;
    }
    int dropped = (all.length - kept + 1) / 2;
    int[] left = new int[all.length - dropped];
    System.arraycopy(all, 0, left, 0, kept);
    System.arraycopy(all, kept + dropped, left, kept, left.length - kept);
    for (int at = rewind(kept); at < left.length; ) {
      int count = Math.min(prefill.maxRows(), left.length - at);
      run(prefill, left, at, count);
      at += count;
    }
  }

  @Override
  public void close() {
    steps.close();
    prefill.close();
    cache.close();
    exec.close();
  }
}
