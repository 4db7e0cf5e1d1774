package jllm.tokenize.normalize;

import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/** The rewriting of one character at a time that several normalizers share. */
final class Filter {

  private Filter() {}

  /** Leaves out the characters that are not to be kept. */
  static void keep(Workspace workspace, IntPredicate keep) {
    TextBuffer in = workspace.text();
    byte[] t = in.bytes();
    int i = in.start();
    while (i < in.end() && keep.test(Utf8.codePoint(t, i))) {
      i += Utf8.sizeOf(t[i]);
    }
    if (i == in.end()) {
      return;
    }
    TextBuffer out = workspace.rewrite();
    out.copy(in, in.start(), i);
    while (i < in.end()) {
      int cp = Utf8.codePoint(t, i);
      int size = Utf8.size(cp);
      if (keep.test(cp)) {
        out.copy(in, i, i + size);
      }
      i += size;
    }
    workspace.flipText();
  }

  /** Replaces each character by another. */
  static void map(Workspace workspace, IntUnaryOperator map) {
    TextBuffer in = workspace.text();
    byte[] t = in.bytes();
    int i = in.start();
    while (i < in.end()) {
      int cp = Utf8.codePoint(t, i);
      if (map.applyAsInt(cp) != cp) {
        break;
      }
      i += Utf8.size(cp);
    }
    if (i == in.end()) {
      return;
    }
    TextBuffer out = workspace.rewrite();
    out.copy(in, in.start(), i);
    while (i < in.end()) {
      int cp = Utf8.codePoint(t, i);
      int size = Utf8.size(cp);
      out.put(map.applyAsInt(cp), in.from(i), in.to(i + size - 1));
      i += size;
    }
    workspace.flipText();
  }
}
