package jllm.tokenize.split;

import java.util.function.IntPredicate;
import jllm.tokenize.text.CharClass;
import jllm.tokenize.text.Ranges;
import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Utf8;
import jllm.tokenize.text.Workspace;

/** The splitting at characters of a kind that several pre-tokenizers share. */
final class CharSplit {

  private CharSplit() {}

  /** Splits each piece at every character that is a match. */
  static void split(Workspace workspace, IntPredicate match, SplitBehavior behavior) {
    byte[] t = workspace.text().bytes();
    for (int p = 0; p < workspace.pieces(); p++) {
      int start = workspace.pieceStart(p);
      int end = workspace.pieceEnd(p);
      Ranges matches = workspace.ranges();
      for (int i = start; i < end; ) {
        int cp = Utf8.codePoint(t, i);
        int size = Utf8.size(cp);
        if (match.test(cp)) {
          matches.add(i, i + size);
        }
        i += size;
      }
      behavior.cut(workspace, start, end, matches, false);
    }
    workspace.flipPieces();
  }

  /** ASCII punctuation and symbols, and general category P. */
  static boolean isPunctuation(int cp) {
    return cp < 128
        ? (CharClass.ascii(cp) & CharClass.ASCII_PUNCTUATION) != 0
        : Unicode.isPunctuation(cp);
  }
}
