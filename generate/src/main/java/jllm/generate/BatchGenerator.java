package jllm.generate;

import java.io.IOException;
import java.util.List;
import java.util.Objects;
import jllm.model.CacheTypes;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/**
 * Goes on with many texts, several at a time: each step runs one token of each through the model,
 * which so reads its weights once. Where one text ends the next begins. A text is what it would be
 * alone. All methods but {@link #cancel} are for one thread.
 */
public final class BatchGenerator implements AutoCloseable {
  private final Transformer model;
  private final SequenceGroup group;
  private final @Nullable Running[] running;
  private volatile boolean cancelled;

  /** A text to go on with. */
  public record Request(int[] prompt, GenerationOptions options) {}

  /** Takes results as they are ready, in any order. */
  @FunctionalInterface
  public interface Results {
    /**
     * @param request the number of the request, from 0
     * @throws IOException ends all
     */
    void accept(int request, Generation generation, String text) throws IOException;
  }

  /** A text under way. */
  private record Running(
      int request,
      int[] prompt,
      Continuation text,
      StringBuilder written,
      long promptNanos,
      long start) {}

  /**
   * @param parallel texts at a time
   * @param context positions of each, prompt and text together
   * @throws OutOfMemoryError if there is no memory for their keys and values
   * @throws IllegalArgumentException if backend or model cannot use a cache of these types
   */
  public BatchGenerator(
      Transformer model, Backend backend, int parallel, int context, CacheTypes types) {
    this.model = model;
    this.group = new SequenceGroup(model, backend, parallel, context, types);
    this.running = new @Nullable Running[parallel];
  }

  /**
   * Generates all.
   *
   * @param tokenizer the model's
   * @throws UnknownTokenException if the model does not have one of the tokens
   * @throws PromptTooLongException if a prompt does not fit the context
   * @throws jllm.format.ModelFormatException if the model computes logits that are not finite
   * @throws IOException from the receiver
   */
  public void generate(List<Request> requests, Tokenizer tokenizer, Results results)
      throws IOException {
    int vocabulary = model.config().vocabularySize();
    for (Request request : requests) {
      UnknownTokenException.require(request.prompt, vocabulary);
      if (request.prompt.length > group.context()) {
        throw new PromptTooLongException(request.prompt.length, group.context(), group.context());
      }
    }
    int begun = 0;
    int active = 0;
    while (!cancelled && (begun < requests.size() || active > 0)) {
      for (int place = 0; place < running.length && begun < requests.size(); place++) {
        if (running[place] == null && !cancelled) {
          running[place] = begin(place, begun, requests.get(begun), tokenizer, results);
          begun++;
        }
      }
      active = step(results);
    }
    for (int place = 0; place < running.length; place++) {
      Running text = running[place];
      if (text != null) {
        running[place] = null;
        finish(text, StopReason.CANCELLED, results);
      }
    }
    cancelled = false;
  }

  /** Runs a prompt; null if its text ended at once. */
  private @Nullable Running begin(
      int place, int number, Request request, Tokenizer tokenizer, Results results)
      throws IOException {
    StringBuilder written = new StringBuilder();
    Continuation text =
        new Continuation(
            request.prompt,
            request.options,
            tokenizer,
            model.config().vocabularySize(),
            written::append);
    long start = System.nanoTime();
    if (group.chooses()) {
      group.biases(place, text.leavesChoice() ? text.biases() : new float[0]);
    }
    Tensor logits = group.begin(place, request.prompt);
    long now = System.nanoTime();
    Running begun = new Running(number, request.prompt, text, written, now - start, now);
    StopReason reason =
        request.options.maxTokens() == 0 ? StopReason.TOKEN_LIMIT : choose(place, begun, logits);
    if (reason != null) {
      finish(begun, reason, results);
      return null;
    }
    return begun;
  }

  private @Nullable StopReason choose(int place, Running text, Tensor logits) throws IOException {
    return unlessFull(place, text.text.choose(logits.segment()));
  }

  private @Nullable StopReason unlessFull(int place, @Nullable StopReason reason) {
    return reason == null && group.length(place) == group.context()
        ? StopReason.CONTEXT_FULL
        : reason;
  }

  /** Runs one token of each text under way and chooses the next; returns how many go on. */
  private int step(Results results) throws IOException {
    int count = 0;
    for (Running text : running) {
      count += text == null ? 0 : 1;
    }
    if (count == 0) {
      return 0;
    }
    int[] places = new int[count];
    int[] tokens = new int[count];
    boolean onDevice = group.chooses();
    int next = 0;
    for (int place = 0; place < running.length; place++) {
      Running text = running[place];
      if (text != null) {
        places[next] = place;
        tokens[next++] = text.text.lastToken();
        onDevice &= text.text.leavesChoice();
      }
    }
    int[] chosen = onDevice ? group.stepToChoose(places, tokens, choices(places)) : null;
    Tensor logits = chosen == null ? group.step(places, tokens) : null;
    int left = count;
    for (int i = 0; i < count; i++) {
      Running text = running[places[i]];
      StopReason reason = null;
      if (text != null && chosen != null) {
        reason = unlessFull(places[i], text.text.take(chosen[i]));
      } else if (text != null && logits != null) {
        reason = choose(places[i], text, logits.slice(i, 1));
      }
      if (text != null && reason != null) {
        running[places[i]] = null;
        finish(text, reason, results);
        left--;
      }
    }
    return left;
  }

  private TokenChoice[] choices(int[] places) {
    TokenChoice[] choices = new TokenChoice[places.length];
    for (int i = 0; i < choices.length; i++) {
      choices[i] = Objects.requireNonNull(running[places[i]]).text.nextChoice();
    }
    return choices;
  }

  private static void finish(Running text, StopReason reason, Results results) throws IOException {
    text.text.finish();
    int[] tokens = text.text.tokens();
    Generation generation =
        new Generation(
            tokens,
            text.text.choices(),
            reason,
            0,
            text.prompt.length,
            text.promptNanos,
            Math.max(0, tokens.length - 1),
            System.nanoTime() - text.start,
            0);
    results.accept(text.request, generation, text.written.toString());
  }

  /** Ends all texts as soon as the current step is done; for any thread. */
  public void cancel() {
    cancelled = true;
  }

  @Override
  public void close() {
    group.close();
  }
}
