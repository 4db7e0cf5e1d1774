package jllm.tokenize.text;

import java.nio.charset.StandardCharsets;

/** A text that matches itself. The empty text matches between all characters of a text. */
public final class LiteralPattern implements TextPattern {

  private final String source;
  private final byte[] bytes;

  public LiteralPattern(String source) {
    this.source = source;
    this.bytes = source.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void find(Workspace workspace, int start, int end, Ranges matches) {
    byte[] t = workspace.text().bytes();
    if (bytes.length == 0) {
      for (int i = start; i < end; i += Utf8.sizeOf(t[i])) {
        matches.add(i, i);
      }
      if (start < end) {
        matches.add(end, end);
      }
      return;
    }
    int last = end - bytes.length;
    int i = start;
    while (i <= last) {
      if (t[i] == bytes[0] && matchesAt(t, i)) {
        matches.add(i, i + bytes.length);
        i += bytes.length;
      } else {
        i++;
      }
    }
  }

  private boolean matchesAt(byte[] t, int i) {
    for (int k = 1; k < bytes.length; k++) {
      if (t[i + k] != bytes[k]) {
        return false;
      }
    }
    return true;
  }

  @Override
  public String replaceAll(String text, String replacement) {
    return text.isEmpty() ? text : replace(text, source, replacement);
  }

  /** Replaces every occurrence; the empty text occurs between all characters, and in no half. */
  public static String replace(String text, String what, String by) {
    if (!what.isEmpty()) {
      return text.replace(what, by);
    }
    StringBuilder result = new StringBuilder(by);
    text.codePoints().forEach(cp -> result.appendCodePoint(cp).append(by));
    return result.toString();
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public String toString() {
    return "'" + source + "'";
  }
}
