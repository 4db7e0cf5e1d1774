package jllm.generate.chat;

import java.util.List;
import jllm.tokenize.TokenBuffer;

/**
 * A conversation in tokens.
 *
 * @param text as rendered
 * @param tokens with their places in the text, in bytes of UTF-8
 * @param turns of the assistant, from the first token of an answer through the one that ends its
 *     turn, in order; a token is part of a turn if any of its text is
 */
public record ChatTokens(String text, TokenBuffer tokens, List<Range> turns) {

  /**
   * Some tokens in a row.
   *
   * @param end exclusive
   */
  public record Range(int start, int end) {}

  /**
   * The tokens that have bytes of a part of the text; those without any bytes if they lie in it.
   */
  static Range range(TokenBuffer tokens, int from, int to) {
    int start = 0;
    while (start < tokens.size() && isBefore(tokens, start, from)) {
      start++;
    }
    int end = start;
    while (end < tokens.size() && tokens.start(end) < to) {
      end++;
    }
    return new Range(start, end);
  }

  private static boolean isBefore(TokenBuffer tokens, int index, int place) {
    return tokens.end(index) <= place
        && (tokens.end(index) < place || tokens.start(index) < place || place == 0);
  }
}
