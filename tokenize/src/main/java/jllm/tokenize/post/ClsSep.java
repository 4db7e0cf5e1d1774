package jllm.tokenize.post;

import jllm.tokenize.TokenBuffer;

/**
 * One token before and one after a text: the post-processors of BERT and RoBERTa.
 *
 * @param cls the token before
 * @param clsText its text
 * @param sep the token after
 * @param sepText its text
 * @param trim for RoBERTa, how ranges are trimmed first; for BERT {@link PostProcessor#NONE}
 */
public record ClsSep(int cls, String clsText, int sep, String sepText, PostProcessor trim)
    implements PostProcessor {

  @Override
  public void process(
      TokenBuffer tokens, int first, byte[] text, int from, int to, boolean addSpecial) {
    trim.process(tokens, first, text, from, to, addSpecial);
    if (addSpecial) {
      tokens.insert(first, cls, 0, 0);
      tokens.add(sep, 0, 0);
    }
  }
}
