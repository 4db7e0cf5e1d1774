package jllm.tokenize.split;

import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/** Runs of word characters and runs of anything but those and white space: {@code \w+|[^\w\s]+}. */
public record Whitespace() implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    byte[] t = workspace.text().bytes();
    for (int p = 0; p < workspace.pieces(); p++) {
      int end = workspace.pieceEnd(p);
      int from = workspace.pieceStart(p);
      int kind = 0;
      for (int i = from; i < end; ) {
        int cp = Utf8.codePoint(t, i);
        int k = kind(cp);
        if (k != kind) {
          if (kind != 0) {
            workspace.emit(from, i);
          }
          from = i;
          kind = k;
        }
        i += Utf8.size(cp);
      }
      if (kind != 0) {
        workspace.emit(from, end);
      }
    }
    workspace.flipPieces();
  }

  private static int kind(int cp) {
    return Unicode.isWord(cp) ? 1 : Unicode.isWhiteSpace(cp) ? 0 : 2;
  }
}
