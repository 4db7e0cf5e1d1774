package jllm.tokenize.normalize;

import jllm.tokenize.text.Ranges;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.TextPattern;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/** Replaces every match of a pattern; the new text stands for the last character of the match. */
public record Replace(TextPattern pattern, String content) implements Normalizer {

  @Override
  public void normalize(Workspace workspace) {
    TextBuffer in = workspace.text();
    Ranges matches = workspace.ranges();
    pattern.find(workspace, in.start(), in.end(), matches);
    if (matches.size() == 0) {
      return;
    }
    TextBuffer out = workspace.rewrite();
    int at = in.start();
    for (int m = 0; m < matches.size(); m++) {
      int start = matches.start(m);
      int end = matches.end(m);
      out.copy(in, at, start);
      int from = end > in.start() ? in.from(Utf8.previous(in.bytes(), end)) : in.from(end);
      int to = end > in.start() ? in.to(end - 1) : from;
      for (int i = 0; i < content.length(); i += Character.charCount(content.codePointAt(i))) {
        out.put(content.codePointAt(i), from, to);
      }
      at = end;
    }
    out.copy(in, at, in.end());
    workspace.flipText();
  }
}
