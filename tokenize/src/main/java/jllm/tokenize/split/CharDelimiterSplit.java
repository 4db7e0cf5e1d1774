package jllm.tokenize.split;

import jllm.tokenize.text.Workspace;

/** What stands between occurrences of one character. */
public record CharDelimiterSplit(int delimiter) implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    CharSplit.split(workspace, cp -> cp == delimiter, SplitBehavior.REMOVED);
  }
}
