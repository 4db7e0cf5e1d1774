package jllm.train.sample;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import jllm.generate.chat.ChatTokens.Range;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Vocabulary;
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

  /**
   * All that is read, in parts; tokens that the tokenizer adds are shown by their names.
   *
   * @param vocabulary has those names
   */
  public List<Part> parts(Vocabulary vocabulary) {
    byte[] bytes = Utf8.bytes(text);
    List<Part> parts = new ArrayList<>();
    int from = 0;
    int at = 0;
    for (Range range : learned) {
      at = add(bytes, from, range.start(), at, false, vocabulary, parts);
      at = add(bytes, range.start(), range.end(), at, true, vocabulary, parts);
      from = range.end();
    }
    add(bytes, from, tokens.size(), at, false, vocabulary, parts);
    return parts;
  }

  /** Adds the text of some tokens, from byte {@code at} on; returns its end. */
  private int add(
      byte[] bytes,
      int first,
      int end,
      int at,
      boolean isLearned,
      Vocabulary vocabulary,
      List<Part> parts) {
    StringBuilder part = new StringBuilder();
    int shown = at;
    for (int i = first; i < end; i++) {
      boolean added = tokens.start(i) == tokens.end(i) && vocabulary.isSpecial(tokens.id(i));
      if (added || i + 1 == end) {
        int to = Math.max(shown, tokens.end(i));
        part.append(new String(bytes, shown, to - shown, StandardCharsets.UTF_8));
        shown = to;
      }
      part.append(added ? vocabulary.text(tokens.id(i)) : "");
    }
    if (!part.isEmpty()) {
      parts.add(new Part(part.toString(), isLearned));
    }
    return shown;
  }
}
