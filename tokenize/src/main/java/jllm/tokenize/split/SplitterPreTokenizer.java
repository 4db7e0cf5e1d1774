package jllm.tokenize.split;

import jllm.tokenize.text.Workspace;

/** Cuts each piece by a scanner. */
public record SplitterPreTokenizer(Splitter splitter) implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    byte[] text = workspace.text().bytes();
    for (int i = 0; i < workspace.pieces(); i++) {
      int end = workspace.pieceEnd(i);
      int at = workspace.pieceStart(i);
      while (at < end) {
        int next = splitter.next(text, at, end);
        workspace.emit(at, next);
        at = next;
      }
    }
    workspace.flipPieces();
  }
}
