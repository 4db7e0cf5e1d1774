package jllm.tokenize.text;

import java.nio.charset.StandardCharsets;

/** A text that matches itself. The empty text matches nothing. */
public final class LiteralPattern implements TextPattern {

  private final String source;
  private final byte[] bytes;

  public LiteralPattern(String source) {
    this.source = source;
    this.bytes = source.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void find(Workspace workspace, int start, int end, Ranges matches) {
    if (bytes.length == 0) {
      return;
    }
    byte[] t = workspace.text().bytes();
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
    return source.isEmpty() ? text : text.replace(source, replacement);
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
