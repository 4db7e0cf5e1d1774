package jllm.tokenize.split;

import jllm.tokenize.text.Workspace;

/** Splits at punctuation: what ASCII has of it, symbols included, and general category P. */
public record Punctuation(SplitBehavior behavior) implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    CharSplit.split(workspace, CharSplit::isPunctuation, behavior);
  }
}
