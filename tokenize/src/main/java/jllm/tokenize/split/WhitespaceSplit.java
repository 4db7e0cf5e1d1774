package jllm.tokenize.split;

import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Workspace;

/** What stands between white space. */
public record WhitespaceSplit() implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    CharSplit.split(workspace, Unicode::isWhiteSpace, SplitBehavior.REMOVED);
  }
}
