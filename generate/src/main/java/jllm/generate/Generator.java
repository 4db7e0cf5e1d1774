package jllm.generate;

import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import jllm.model.Batch;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tokenize.StreamDecoder;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/**
 * Goes on with a text: one sequence on one model. It owns the memory of the session (cache,
 * batches, activations); model and backend are the caller's. A second prompt continues where the
 * first text ended. All methods but {@link #cancel} are for one thread.
 */
public final class Generator implements AutoCloseable {
  /** Positions of a prompt that go through the model at once. */
  private static final int PREFILL_ROWS = 512;

  private final Transformer model;
  private final Exec exec;
  private final KvCache cache;
  private final Batch prefill;
  private final Batch single;
  private final int[] next = new int[1];
  private volatile boolean cancelled;

  /**
   * @param context positions of prompt and text together
   * @throws OutOfMemoryError if there is no memory for their keys and values, see {@link
   *     KvCache#bytes}
   */
  public Generator(Transformer model, Backend backend, int context) {
    this.model = model;
    this.exec = new Exec(backend);
    this.cache = model.newCache(context);
    this.prefill = Batch.continuing(cache, Math.min(PREFILL_ROWS, context));
    this.single = Batch.continuing(cache, 1);
  }

  /**
   * Generates until a stop rule applies.
   *
   * @param prompt at least one token
   * @param tokenizer the model's: turns tokens into text and knows which end one
   * @param sink takes the text, without stop string, as soon as it cannot be the start of one
   * @throws UnknownTokenException if the model does not have one of the tokens
   * @throws PromptTooLongException if the prompt does not fit the rest of the context; nothing has
   *     changed then
   * @throws jllm.format.ModelFormatException if the model computes logits that are not finite
   *     numbers
   * @throws IOException from the sink
   */
  public Generation generate(
      int[] prompt, GenerationOptions options, Tokenizer tokenizer, TextSink sink)
      throws IOException {
    UnknownTokenException.require(prompt, model.config().vocabularySize());
    requireRoom(prompt);
    StreamDecoder decoder = tokenizer.streamDecoder();
    Sampler sampler =
        Sampler.of(
            options.sampling(),
            model.config().vocabularySize(),
            banned(tokenizer, options.ignoreEnd()));
    for (int token : prompt) {
      sampler.accept(token);
      // How a token reads depends on those before it; the prompt's own text is the caller's.
      decoder.accept(token);
    }
    TextOutput output = new TextOutput(decoder, options.stop(), sink);

    int[] tokens = new int[limit(prompt, options)];
    long start = System.nanoTime();
    Tensor logits = prefill(prompt);
    long decodeStart = System.nanoTime();
    int count = 0;
    int steps = 0;
    StopReason reason = reasonBefore(count, tokens.length, options);
    while (reason == null) {
      int token = sampler.sample(logits.segment());
      if (tokenizer.isEndOfGeneration(token)) {
        reason = StopReason.END_OF_TEXT;
        break;
      }
      tokens[count++] = token;
      sampler.accept(token);
      output.push(token);
      reason =
          output.stopped() ? StopReason.STOP_STRING : reasonBefore(count, tokens.length, options);
      if (reason == null) {
        logits = step(token);
        steps++;
      }
    }
    output.finish();
    long end = System.nanoTime();
    return new Generation(
        Arrays.copyOf(tokens, count),
        reason,
        prompt.length,
        decodeStart - start,
        steps,
        end - decodeStart);
  }

  /** Why no further token may be chosen, if so. */
  private @Nullable StopReason reasonBefore(int count, int limit, GenerationOptions options) {
    if (cancelled) {
      return StopReason.CANCELLED;
    }
    if (count < limit) {
      return null;
    }
    return limit == options.maxTokens() ? StopReason.TOKEN_LIMIT : StopReason.CONTEXT_FULL;
  }

  /**
   * Runs the prompt and returns the logits [1, V] after its last token (if cancelled: after one
   * before).
   */
  private Tensor prefill(int[] prompt) {
    for (int from = 0; ; ) {
      int count = Math.min(prefill.maxRows(), prompt.length - from);
      exec.reset();
      Tensor hidden = model.hidden(exec, prefill.fill(prompt, from, count, 1));
      cache.advance(count);
      from += count;
      if (from == prompt.length || cancelled) {
        return exec.onHost(model.logits(exec, exec.lastRow(hidden)));
      }
    }
  }

  /** Runs one token and returns the logits [1, V] of what follows. */
  private Tensor step(int token) {
    next[0] = token;
    exec.reset();
    Tensor hidden = model.hidden(exec, single.fill(next, 0, 1, 1));
    cache.advance(1);
    return exec.onHost(model.logits(exec, hidden));
  }

  /**
   * Tokens never to choose: rows of a padded embedding that are no token, and on request the ends.
   */
  private int[] banned(Tokenizer tokenizer, boolean ignoreEnd) {
    return IntStream.range(0, model.config().vocabularySize())
        .filter(
            id -> !tokenizer.vocabulary().has(id) || (ignoreEnd && tokenizer.isEndOfGeneration(id)))
        .toArray();
  }

  /** Ends the text that is being generated as soon as the current step is done; for any thread. */
  public void cancel() {
    cancelled = true;
  }

  @Override
  public void close() {
    single.close();
    prefill.close();
    cache.close();
    exec.close();
  }

  private void requireRoom(int[] prompt) {
    int room = cache.capacity() - cache.length();
    if (prompt.length > room) {
      throw new PromptTooLongException(prompt.length, room, cache.capacity());
    }
  }

  /** The last new token needs no position: nothing follows from it. */
  private int limit(int[] prompt, GenerationOptions options) {
    int room = cache.capacity() - cache.length() - prompt.length + 1;
    return options.maxTokens() == GenerationOptions.UNLIMITED
        ? room
        : Math.min(room, options.maxTokens());
  }
}
