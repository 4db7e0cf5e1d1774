package jllm.tokenize.normalize;

import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/** Puts a text before every text that is not empty. */
public record Prepend(String prefix) implements Normalizer {

  @Override
  public void normalize(Workspace workspace) {
    TextBuffer in = workspace.text();
    if (in.isEmpty() || prefix.isEmpty()) {
      return;
    }
    TextBuffer out = workspace.rewrite();
    prepend(in, in.start(), prefix, out);
    out.copy(in, in.start(), in.end());
    workspace.flipText();
  }

  /** Appends a prefix that stands for the character that it precedes. */
  public static void prepend(TextBuffer in, int at, String prefix, TextBuffer out) {
    int from = in.from(at);
    int to = in.to(at + Utf8.sizeOf(in.bytes()[at]) - 1);
    for (int i = 0; i < prefix.length(); i += Character.charCount(prefix.codePointAt(i))) {
      out.put(prefix.codePointAt(i), from, to);
    }
  }
}
