package jllm.tokenize.normalize;

import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/** Lower case, each character by itself: a final sigma is like any other. */
public record Lowercase() implements Normalizer {

  private static final int DOTTED_CAPITAL_I = 0x130;
  private static final int DOT_ABOVE = 0x307;

  @Override
  public void normalize(Workspace workspace) {
    TextBuffer in = workspace.text();
    byte[] t = in.bytes();
    TextBuffer out = workspace.rewrite();
    boolean changed = false;
    for (int i = in.start(); i < in.end(); ) {
      int cp = Utf8.codePoint(t, i);
      int size = Utf8.size(cp);
      int from = in.from(i);
      int to = in.to(i + size - 1);
      // The one character whose lower case is two.
      if (cp == DOTTED_CAPITAL_I) {
        out.put('i', from, to);
        out.put(DOT_ABOVE, from, to);
        changed = true;
      } else {
        int lower = Character.toLowerCase(cp);
        changed |= lower != cp;
        out.put(lower, from, to);
      }
      i += size;
    }
    if (changed) {
      workspace.flipText();
    }
  }
}
