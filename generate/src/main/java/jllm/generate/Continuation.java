package jllm.generate;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import jllm.tensor.TokenChoice;
import jllm.tokenize.StreamDecoder;
import jllm.tokenize.Tokenizer;
import org.jspecify.annotations.Nullable;

/**
 * One text while it grows: chooses its tokens, hands on what they read, and knows when it ends.
 * What computes the logits is the business of others.
 */
final class Continuation {
  private final GenerationOptions options;
  private final Tokenizer tokenizer;
  private final Set<Integer> stopTokens;
  private final Sampler sampler;
  private final TextOutput output;
  private final TextSink sink;
  private final TokenList tokens = new TokenList();
  private final List<Choice> choices = new ArrayList<>();

  /**
   * @param vocabulary logits per token
   */
  Continuation(
      int[] prompt, GenerationOptions options, Tokenizer tokenizer, int vocabulary, TextSink sink) {
    this.options = options;
    this.tokenizer = tokenizer;
    this.stopTokens = options.stopTokens();
    this.sink = sink;
    this.sampler =
        Sampler.of(
            options.sampling(), vocabulary, banned(tokenizer, options.ignoreEnd(), vocabulary));
    StreamDecoder decoder = tokenizer.streamDecoder();
    for (int token : prompt) {
      sampler.accept(token);
      // How a token reads depends on those before it; the prompt's own text is the caller's.
      decoder.accept(token);
    }
    this.output = new TextOutput(decoder, options.stop(), sink);
  }

  /**
   * Tokens never to choose: rows of a padded embedding that are no token, and on request the ends.
   */
  static int[] banned(Tokenizer tokenizer, boolean ignoreEnd, int vocabulary) {
    return IntStream.range(0, vocabulary)
        .filter(
            id -> !tokenizer.vocabulary().has(id) || (ignoreEnd && tokenizer.isEndOfGeneration(id)))
        .toArray();
  }

  /**
   * Chooses the next token.
   *
   * @return why the text ends with it, null if it goes on
   */
  @Nullable StopReason choose(MemorySegment logits) throws IOException {
    int token;
    if (options.alternatives() == GenerationOptions.NO_CHOICES) {
      token = sampler.sample(logits);
    } else {
      Choice choice = sampler.choose(logits, options.alternatives());
      sink.chosen(choice);
      token = choice.token();
      choices.add(choice);
    }
    return take(token);
  }

  /** Whether a device can choose its tokens: nothing else is asked about the logits. */
  boolean leavesChoice() {
    return sampler.isMemoryless() && options.alternatives() == GenerationOptions.NO_CHOICES;
  }

  /** Whether the limit allows so many more tokens. */
  boolean hasRoomFor(int more) {
    int most = options.maxTokens();
    return most == GenerationOptions.UNLIMITED || tokens.size() <= most - more;
  }

  /** How the next token is chosen, in the place of {@link #choose}. */
  TokenChoice nextChoice() {
    return sampler.next();
  }

  /** What is added to all logits before a device chooses; empty if nothing is. */
  float[] biases() {
    return sampler.biases();
  }

  /**
   * Goes on with a token.
   *
   * @return why the text ends with it, null if it goes on
   */
  @Nullable StopReason take(int token) throws IOException {
    if (tokenizer.isEndOfGeneration(token) || (!stopTokens.isEmpty() && isStop(token))) {
      if (!choices.isEmpty()) {
        choices.removeLast();
      }
      return tokenizer.isEndOfGeneration(token) ? StopReason.END_OF_TEXT : StopReason.STOP_TOKEN;
    }
    tokens.add(token);
    sampler.accept(token);
    output.push(token);
    if (output.stopped()) {
      return StopReason.STOP_STRING;
    }
    return tokens.size() == options.maxTokens() ? StopReason.TOKEN_LIMIT : null;
  }

  private boolean isStop(int token) {
    return stopTokens.contains(token);
  }

  int lastToken() {
    return tokens.get(tokens.size() - 1);
  }

  int[] tokens() {
    return tokens.toArray();
  }

  List<Choice> choices() {
    return choices;
  }

  /** Hands on what was held back, once no more tokens come. */
  void finish() throws IOException {
    output.finish();
  }
}
