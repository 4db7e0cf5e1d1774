package jllm.generate;

import java.io.IOException;
import jllm.model.Batch;
import jllm.model.CacheTypes;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** The logits of every position of a text that is known: what engines are compared by. */
public final class Scorer implements AutoCloseable {
  private final Transformer model;
  private final Exec exec;
  private final KvCache cache;
  private final Batch batch;

  /** Takes the logits of positions that follow each other. */
  @FunctionalInterface
  public interface Rows {
    /**
     * @param logits [N, V] float32, valid during the call
     */
    void accept(Tensor logits) throws IOException;
  }

  /**
   * @param context the most tokens of a text
   * @param rows tokens that go through the model at once; that many rows of logits are in memory
   */
  public Scorer(Transformer model, Backend backend, int context, int rows) {
    this.model = model;
    this.exec = new Exec(backend);
    int most = Math.min(rows, context);
    this.cache = model.newCache(context, CacheTypes.of(backend.activationType()), most);
    this.batch = Batch.continuing(cache, most);
  }

  /**
   * Runs a text from its first position on.
   *
   * @throws UnknownTokenException if the model does not have one of the tokens
   * @throws PromptTooLongException if there are more than fit the context
   * @throws IOException from the receiver
   */
  public void score(int[] tokens, Rows rows) throws IOException {
    restart(tokens);
    for (int from = 0; from < tokens.length; ) {
      int count = Math.min(batch.maxRows(), tokens.length - from);
      Tensor logits = next(tokens, from, count, 0);
      if (logits != null) {
        rows.accept(logits);
      }
      from += count;
    }
  }

  /** The most tokens that {@link #next} takes. */
  public int maxRows() {
    return batch.maxRows();
  }

  /**
   * Forgets the text before, to go through this one with {@link #next}.
   *
   * @throws UnknownTokenException if the model does not have one of the tokens
   * @throws PromptTooLongException if there are more than fit the context
   */
  public void restart(int[] tokens) {
    if (tokens.length > cache.capacity()) {
      throw new PromptTooLongException(tokens.length, cache.capacity(), cache.capacity());
    }
    UnknownTokenException.require(tokens, model.config().vocabularySize());
    cache.truncate(0);
  }

  /**
   * Runs the next tokens of a text.
   *
   * @param from the number of tokens before them
   * @param skipped of the {@code count} tokens, those at the beginning that need no logits
   * @return [count - skipped, V] float32, valid until the next call; null if none are needed
   */
  public @Nullable Tensor next(int[] tokens, int from, int count, int skipped) {
    exec.reset();
    Tensor hidden = model.hidden(exec, batch.fill(tokens, from, count, 1));
    cache.advance(count);
    if (skipped == count) {
      return null;
    }
    Tensor scored = skipped == 0 ? hidden : hidden.slice(skipped, count - skipped);
    return exec.onHost(model.logits(exec, scored));
  }

  @Override
  public void close() {
    batch.close();
    cache.close();
    exec.close();
  }
}
