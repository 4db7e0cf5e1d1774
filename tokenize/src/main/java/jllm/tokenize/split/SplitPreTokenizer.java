package jllm.tokenize.split;

import jllm.tokenize.text.Ranges;
import jllm.tokenize.text.TextPattern;
import jllm.tokenize.text.Workspace;

/**
 * Splits each piece by a pattern.
 *
 * @param pattern what to look for
 * @param behavior what becomes of the matches
 * @param invert whether the pattern describes pieces rather than what separates them
 */
public record SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, boolean invert)
    implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    for (int i = 0; i < workspace.pieces(); i++) {
      int start = workspace.pieceStart(i);
      int end = workspace.pieceEnd(i);
      Ranges matches = workspace.ranges();
      pattern.find(workspace, start, end, matches);
      behavior.cut(workspace, start, end, matches, invert);
    }
    workspace.flipPieces();
  }
}
