package jllm.generate;

import java.io.IOException;
import jllm.model.Batch;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;

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
    this.cache = model.newCache(context);
    this.batch = Batch.continuing(cache, Math.min(rows, context));
  }

  /**
   * Runs a text from its first position on.
   *
   * @throws UnknownTokenException if the model does not have one of the tokens
   * @throws PromptTooLongException if there are more than fit the context
   * @throws IOException from the receiver
   */
  public void score(int[] tokens, Rows rows) throws IOException {
    if (tokens.length > cache.capacity()) {
      throw new PromptTooLongException(tokens.length, cache.capacity(), cache.capacity());
    }
    UnknownTokenException.require(tokens, model.config().vocabularySize());
    cache.truncate(0);
    for (int from = 0; from < tokens.length; ) {
      int count = Math.min(batch.maxRows(), tokens.length - from);
      exec.reset();
      Tensor hidden = model.hidden(exec, batch.fill(tokens, from, count, 1));
      cache.advance(count);
      rows.accept(model.logits(exec, hidden));
      from += count;
    }
  }

  @Override
  public void close() {
    batch.close();
    cache.close();
    exec.close();
  }
}
