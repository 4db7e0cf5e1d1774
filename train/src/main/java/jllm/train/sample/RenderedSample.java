package jllm.train.sample;

import java.util.ArrayList;
import java.util.List;
import jllm.generate.chat.ChatTokens.Range;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.text.Utf8;

/**
 * A sample as its model reads it.
 *
 * @param text without BOS and EOS that the tokenizer adds
 * @param tokens with their places in the text, in bytes of UTF-8
 * @param learned ranges of tokens that are learned, in order
 * @param turns of the assistant, learned or not; none of a text
 * @param openTurns how many of those do not end with a token that ends a turn
 */
public record RenderedSample(
    String text, TokenBuffer tokens, List<Range> learned, List<Range> turns, int openTurns) {

  /** A part of the text that is learned, or is not. */
  public record Part(String text, boolean learned) {}

  /** The tokens with what is learned. */
  public EncodedSample encoded() {
    return EncodedSample.of(tokens.toArray(), learned);
  }

  /** The whole text in parts; tokens that are no text are shown by their names. */
  public List<Part> parts() {
    byte[] bytes = Utf8.bytes(text);
    List<Part> parts = new ArrayList<>();
    int at = 0;
    for (Range range : learned) {
      if (range.start() == range.end()) {
        continue;
      }
      int from = Math.max(at, tokens.start(range.start()));
      int to = Math.max(from, tokens.end(range.end() - 1));
      add(bytes, at, from, false, parts);
      add(bytes, from, to, true, parts);
      at = to;
    }
    add(bytes, at, bytes.length, false, parts);
    return parts;
  }

  private static void add(byte[] bytes, int from, int to, boolean learned, List<Part> parts) {
    if (to > from) {
      String part = new String(bytes, from, to - from, java.nio.charset.StandardCharsets.UTF_8);
      parts.add(new Part(part, learned));
    }
  }
}
