package jllm.model;

import java.lang.foreign.ValueLayout;
import java.util.Objects;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Recording;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * One token after the other through a model, behind what is in a cache. Where the backend can, a
 * step is recorded once and then done again: that takes the host the time of one operation, not of
 * all. The results are the same. Other steps may come between; for one thread.
 */
public final class TokenSteps implements AutoCloseable {
  /** Steps in which memory finds its size and kernels are prepared. */
  private static final int FIRST_STEPS = 2;

  private final Transformer model;
  private final Backend backend;
  private final KvCache cache;
  private final Exec exec;
  private final Batch batch;
  private final int[] next = new int[1];
  private boolean records;
  private int steps;
  private @Nullable Recording recording;
  private @Nullable Tensor logits;

  /** Where the largest of them is, if the backend looked for it. */
  private @Nullable Tensor best;

  /**
   * @param model on {@code backend}
   */
  public TokenSteps(Transformer model, Backend backend, KvCache cache) {
    this.model = model;
    this.backend = backend;
    this.cache = cache;
    this.records = backend.records();
    this.exec = new Exec(backend);
    this.batch = records ? Batch.recorded(cache, backend) : Batch.continuing(cache, 1);
  }

  /** Whether steps are recorded now, and not done one operation after the other. */
  public boolean isRecording() {
    return recording != null;
  }

  /**
   * Runs a token, and counts it as seen.
   *
   * @return the logits [1, V] of what comes after it, where the host can read them; valid until the
   *     next call
   * @throws IllegalArgumentException if the model has no such token, or the cache is full
   */
  public Tensor run(int token) {
    step(token);
    return logits();
  }

  /**
   * Runs a token, and counts it as seen.
   *
   * @return the most probable token after it, of several the first; -1 if the host has to look for
   *     it in the {@link #logits}
   * @throws IllegalArgumentException as {@link #run}
   */
  public int runForBest(int token) {
    step(token);
    return best == null ? -1 : exec.onHost(best).segment().get(ValueLayout.JAVA_INT, 0);
  }

  /** The logits after the last token, as {@link #run} returns them. */
  public Tensor logits() {
    return exec.onHost(Objects.requireNonNull(logits));
  }

  private void step(int token) {
    if (token < 0 || token >= model.config().vocabularySize()) {
      throw new IllegalArgumentException(
          "token " + token + " of a vocabulary of " + model.config().vocabularySize());
    }
    next[0] = token;
    batch.fill(next, 0, 1, 1);
    if (recording == null && records && steps >= FIRST_STEPS) {
      exec.reset();
      recording = backend.record(this::compute);
      records = recording != null;
    }
    if (recording != null) {
      recording.replay();
    } else {
      exec.reset();
      compute();
      steps++;
    }
    cache.advance(1);
  }

  private void compute() {
    Tensor row = model.logits(exec, model.hidden(exec, batch));
    logits = row;
    best = exec.largest(row);
  }

  @Override
  public void close() {
    if (recording != null) {
      recording.close();
    }
    exec.close();
    batch.close();
  }
}
