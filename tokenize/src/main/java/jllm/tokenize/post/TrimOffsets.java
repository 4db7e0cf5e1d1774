package jllm.tokenize.post;

import java.nio.charset.StandardCharsets;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Utf8;

/**
 * Ranges without the white space that tokens begin or end with (the post-processor ByteLevel). What
 * counts is how a token is spelled; for one that was found in the text itself, such as {@code
 * <mask>} with the space before it, what it took along.
 *
 * @param vocabulary tells the text of tokens
 * @param addPrefixSpace whether a space may have been put before the text; it is not part of it
 * @param trim whether anything is done at all
 * @param useRegex means nothing here, but stands in files
 */
public record TrimOffsets(
    Vocabulary vocabulary, boolean addPrefixSpace, boolean trim, boolean useRegex)
    implements PostProcessor {

  private static final char SPACE = ByteAlphabet.toChar(' ');

  @Override
  public void process(
      TokenBuffer tokens, int first, byte[] text, int from, int to, boolean addSpecial) {
    if (!trim || !tokens.hasOffsets()) {
      return;
    }
    for (int i = first; i < tokens.size(); i++) {
      int start = tokens.start(i);
      int end = tokens.end(i);
      String spelled = vocabulary.text(tokens.id(i));
      int leading = leading(spelled);
      int trailing = trailing(spelled);
      if (vocabulary.isAdded(tokens.id(i))) {
        // The unknown token may be among the added ones, but covers other text.
        String covered = new String(text, from + start, end - start, StandardCharsets.UTF_8);
        if (strip(covered).equals(strip(spelled))) {
          leading = leading(covered);
          trailing = trailing(covered);
        }
      }
      if (leading == 0 && trailing == 0) {
        continue;
      }
      if (leading == 1 && addPrefixSpace && (i == first || start == 0)) {
        leading = 0;
      }
      // A token that ends inside a character covers it.
      int newStart = from + start;
      for (int n = 0; n < leading && newStart < from + end; n++) {
        newStart = next(text, newStart, to);
      }
      newStart -= from;
      int newEnd = from + end;
      int n = 0;
      for (; n < trailing && newEnd > from; n++) {
        newEnd = Utf8.previous(text, newEnd);
      }
      newEnd = n < trailing ? end : newEnd - from;
      tokens.setRange(i, newStart, Math.max(newStart, newEnd));
    }
  }

  private static String strip(String s) {
    int from = leading(s);
    return from == s.length() ? "" : s.substring(from, s.length() - trailing(s));
  }

  private static int leading(String token) {
    int n = 0;
    while (n < token.length() && isSpace(token.charAt(n))) {
      n++;
    }
    return n;
  }

  private static int trailing(String token) {
    int n = 0;
    while (n < token.length() && isSpace(token.charAt(token.length() - 1 - n))) {
      n++;
    }
    return n;
  }

  /** The position of the next character, from anywhere inside one. */
  private static int next(byte[] text, int i, int to) {
    int k = i + 1;
    while (k < to && (text[k] & 0xc0) == 0x80) {
      k++;
    }
    return k;
  }

  private static boolean isSpace(char c) {
    return c == SPACE || Unicode.isWhiteSpace(c);
  }
}
