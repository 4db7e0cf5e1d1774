package jllm.tokenize.split;

import jllm.tokenize.text.Unicode;
import jllm.tokenize.text.Workspace;

/**
 * Numbers (general category N) apart from the rest.
 *
 * @param individual whether each digit is a piece, else runs of them
 */
public record Digits(boolean individual) implements PreTokenizer {

  @Override
  public void split(Workspace workspace) {
    CharSplit.split(
        workspace,
        Unicode::isNumber,
        individual ? SplitBehavior.ISOLATED : SplitBehavior.CONTIGUOUS);
  }
}
