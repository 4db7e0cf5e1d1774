package jllm.tokenize.normalize;

import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/** Leaves out white space at the ends of a text. */
public record Strip(boolean left, boolean right) implements Normalizer {

  @Override
  public void normalize(Workspace workspace) {
    TextBuffer in = workspace.text();
    byte[] t = in.bytes();
    int start = in.start();
    int end = in.end();
    while (left && start < end) {
      int cp = Utf8.codePoint(t, start);
      if (!Unicode.isWhiteSpace(cp)) {
        break;
      }
      start += Utf8.size(cp);
    }
    while (right && end > start) {
      int p = Utf8.previous(t, end);
      if (!Unicode.isWhiteSpace(Utf8.codePoint(t, p))) {
        break;
      }
      end = p;
    }
    if (end - start < in.length()) {
      TextBuffer out = workspace.rewrite();
      out.copy(in, start, end);
      workspace.flipText();
    }
  }
}
