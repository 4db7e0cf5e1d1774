package jllm.generate;

import java.io.IOException;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Tensor;
import jllm.tokenize.Tokenizer;

/**
 * Goes on with a text: one sequence on one model. Of a prompt, what the session has seen of it
 * already costs nothing: to go on with a talk, pass the whole of it. All methods but {@link
 * #cancel} are for one thread.
 */
public final class Generator implements AutoCloseable {
  private final Session session;
  private final boolean owned;
  private volatile boolean cancelled;

  /**
   * A generator with a session of its own.
   *
   * @param context positions of prompt and text together
   * @throws OutOfMemoryError if there is no memory for their keys and values
   */
  public Generator(Transformer model, Backend backend, int context) {
    this(new Session(model, backend, context), true);
  }

  /** A generator on a session of the caller's. */
  public Generator(Session session) {
    this(session, false);
  }

  private Generator(Session session, boolean owned) {
    this.session = session;
    this.owned = owned;
  }

  /** What was seen so far. */
  public Session session() {
    return session;
  }

  /**
   * Generates until a stop rule applies.
   *
   * @param prompt the whole text to go on with, at least one token
   * @param tokenizer the model's: turns tokens into text and knows which end one
   * @param sink takes the text, without stop string, as soon as it cannot be the start of one
   * @throws UnknownTokenException if the model does not have one of the tokens
   * @throws PromptTooLongException if the prompt does not fit the context; nothing has changed then
   * @throws jllm.format.ModelFormatException if the model computes logits that are not finite
   *     numbers
   * @throws IOException from the sink
   */
  public Generation generate(
      int[] prompt, GenerationOptions options, Tokenizer tokenizer, TextSink sink)
      throws IOException {
    int vocabulary = session.model().config().vocabularySize();
    UnknownTokenException.require(prompt, vocabulary);
    UnknownTokenException.requireSetting(
        "stop token list", toArray(options.stopTokens()), vocabulary);
    if (prompt.length > session.context()) {
      throw new PromptTooLongException(prompt.length, session.context(), session.context());
    }
    Continuation text = new Continuation(prompt, options, tokenizer, vocabulary, sink);
    try {
      return run(prompt, options, text);
    } finally {
      cancelled = false;
    }
  }

  private Generation run(int[] prompt, GenerationOptions options, Continuation text)
      throws IOException {
    long start = System.nanoTime();
    int reused = session.reuse(prompt);
    boolean wanted = options.maxTokens() != 0;
    Tensor logits = session.feed(prompt, reused, () -> cancelled);
    long decodeStart = System.nanoTime();
    int steps = 0;
    int shifts = 0;
    boolean onDevice = session.chooses() && text.leavesChoice();
    if (onDevice) {
      session.biases(text.biases());
    }
    int chosen = -1;
    StopReason reason = wanted ? null : StopReason.TOKEN_LIMIT;
    while (reason == null) {
      if (cancelled) {
        reason = StopReason.CANCELLED;
        break;
      }
      reason = chosen < 0 ? text.choose(logits.segment()) : text.take(chosen);
      if (reason == null && session.length() == session.context()) {
        if (options.keep() == GenerationOptions.NO_SHIFT) {
          reason = StopReason.CONTEXT_FULL;
        } else {
          session.shift(options.keep());
          shifts++;
        }
      }
      if (reason == null) {
        if (onDevice) {
          chosen = session.feedToChoose(text.lastToken(), text::nextChoice, text.hasRoomFor(2));
        } else {
          logits = session.feed(text.lastToken());
        }
        steps++;
      }
    }
    text.finish();
    long end = System.nanoTime();
    return new Generation(
        text.tokens(),
        text.choices(),
        reason,
        reused,
        prompt.length - reused,
        decodeStart - start,
        steps,
        end - decodeStart,
        shifts);
  }

  static int[] toArray(java.util.Collection<Integer> tokens) {
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  /**
   * Ends the text that is being generated as soon as the current step is done, or the next one at
   * its beginning; for any thread.
   */
  public void cancel() {
    cancelled = true;
  }

  /** Takes back a {@link #cancel} that came after a text had ended. */
  public void forgetCancel() {
    cancelled = false;
  }

  @Override
  public void close() {
    if (owned) {
      session.close();
    }
  }
}
