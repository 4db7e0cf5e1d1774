package jllm.tokenize.split;

import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/** Pieces of so many characters; the last one may be shorter. */
public record FixedLength(int length) implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    byte[] t = workspace.text().bytes();
    for (int p = 0; p < workspace.pieces(); p++) {
      int end = workspace.pieceEnd(p);
      int i = workspace.pieceStart(p);
      while (i < end) {
        int from = i;
        for (int n = 0; n < length && i < end; n++) {
          i += Utf8.sizeOf(t[i]);
        }
        workspace.emit(from, i);
      }
    }
    workspace.flipPieces();
  }
}
