package jllm.tokenize.post;

import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.Unicode;

/**
 * Ranges without the spaces that byte-level tokens begin or end with (the post-processor
 * ByteLevel).
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
  public void process(TokenBuffer tokens, int first, int length, boolean addSpecial) {
    if (!trim || !tokens.hasOffsets()) {
      return;
    }
    for (int i = first; i < tokens.size(); i++) {
      String text = vocabulary.text(tokens.id(i));
      int leading = 0;
      while (leading < text.length() && isSpace(text.charAt(leading))) {
        leading++;
      }
      int trailing = 0;
      while (trailing < text.length() && isSpace(text.charAt(text.length() - 1 - trailing))) {
        trailing++;
      }
      int start = tokens.start(i);
      int end = tokens.end(i);
      if (leading == 1 && addPrefixSpace && (i == first || start == 0)) {
        leading = 0;
      }
      start = Math.min(start + leading, end);
      if (trailing > 0 && end >= trailing) {
        end = Math.max(end - trailing, start);
      }
      tokens.setRange(i, start, end);
    }
  }

  private static boolean isSpace(char c) {
    return c == SPACE || Unicode.isWhiteSpace(c);
  }
}
