package jllm.tokenize.split;

import jllm.tokenize.text.Ranges;
import jllm.tokenize.text.Workspace;

/**
 * What becomes of the matches when a piece is split by a pattern; the names are those of Hugging
 * Face's library. The examples split {@code the-final--countdown} at the hyphen.
 */
public enum SplitBehavior {
  /** {@code the final countdown}. */
  REMOVED("Removed"),
  /** {@code the - final - - countdown}. */
  ISOLATED("Isolated"),
  /** {@code the- final- - countdown}. */
  MERGED_WITH_PREVIOUS("MergedWithPrevious"),
  /** {@code the -final - -countdown}. */
  MERGED_WITH_NEXT("MergedWithNext"),
  /** {@code the - final -- countdown}. */
  CONTIGUOUS("Contiguous");

  private final String label;

  SplitBehavior(String label) {
    this.label = label;
  }

  /** The name in {@code tokenizer.json}. */
  public String label() {
    return label;
  }

  /**
   * Cuts one piece.
   *
   * @param matches inside the piece, in order
   * @param invert whether what lies between the matches counts as match and the other way round
   */
  void cut(Workspace out, int start, int end, Ranges matches, boolean invert) {
    int segments = matches.size() * 2 + 1;
    // Segment 2m is what lies before match m, segment 2m+1 is match m; empty gaps are no segments.
    int openStart = -1;
    int openEnd = -1;
    boolean previousMatch = false;
    boolean any = false;
    for (int s = 0; s < segments; s++) {
      boolean gap = (s & 1) == 0;
      int m = s >> 1;
      int from = gap ? (m == 0 ? start : matches.end(m - 1)) : matches.start(m);
      int to = gap ? (m == matches.size() ? end : matches.start(m)) : matches.end(m);
      if (gap && from >= to) {
        continue;
      }
      boolean match = gap == invert;
      boolean join = any && joins(match, previousMatch);
      if (join) {
        openEnd = to;
      } else {
        if (any) {
          out.emit(openStart, openEnd);
        }
        // Removed matches are opened as empty pieces, which are dropped.
        openStart = from;
        openEnd = this == REMOVED && match ? from : to;
      }
      any = true;
      // What a match was merged into takes no more part in merging.
      previousMatch = this == MERGED_WITH_NEXT && join ? false : match;
    }
    if (any) {
      out.emit(openStart, openEnd);
    }
  }

  private boolean joins(boolean match, boolean previousMatch) {
    return switch (this) {
      case REMOVED, ISOLATED -> false;
      case CONTIGUOUS -> match == previousMatch;
      case MERGED_WITH_PREVIOUS -> match && !previousMatch;
      case MERGED_WITH_NEXT -> !match && previousMatch;
    };
  }
}
