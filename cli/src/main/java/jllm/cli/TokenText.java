package jllm.cli;

import java.nio.charset.StandardCharsets;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.text.Utf8;

/** Tokens as people can read them, on one line. */
final class TokenText {
  private TokenText() {}

  /** The text of a token, with escapes where it is no visible character. */
  static String visible(Tokenizer tokenizer, int id) {
    byte[] bytes = tokenizer.tokenBytes(id);
    return visible(bytes, 0, bytes.length, true);
  }

  /**
   * Text with escapes for control characters and bytes that are no character.
   *
   * @param backslash whether a backslash is escaped too, so that the escapes can be read back
   */
  static String visible(byte[] utf8, int from, int to, boolean backslash) {
    StringBuilder text = new StringBuilder(to - from);
    for (int i = from; i < to; ) {
      int size = Utf8.wellFormed(utf8, i, to);
      if (size <= 0) {
        text.append(String.format("\\x%02X", utf8[i++] & 0xff));
        continue;
      }
      int cp = Utf8.codePoint(utf8, i);
      i += size;
      switch (cp) {
        case '\n' -> text.append("\\n");
        case '\r' -> text.append("\\r");
        case '\t' -> text.append("\\t");
        case '\\' -> text.append(backslash ? "\\\\" : "\\");
        default -> {
          if (Character.isISOControl(cp)) {
            for (byte b : Character.toString(cp).getBytes(StandardCharsets.UTF_8)) {
              text.append(String.format("\\x%02X", b & 0xff));
            }
          } else {
            text.appendCodePoint(cp);
          }
        }
      }
    }
    return text.toString();
  }
}
