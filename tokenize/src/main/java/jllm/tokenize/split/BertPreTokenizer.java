package jllm.tokenize.split;

import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Workspace;

/** Words between white space, each punctuation character by itself. */
public record BertPreTokenizer() implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    CharSplit.split(workspace, Unicode::isWhiteSpace, SplitBehavior.REMOVED);
    CharSplit.split(workspace, CharSplit::isPunctuation, SplitBehavior.ISOLATED);
  }
}
