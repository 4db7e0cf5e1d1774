package jllm.tokenize.post;

import jllm.tokenize.TokenBuffer;

/** Works on the tokens of a whole text. Immutable and thread-safe. */
@FunctionalInterface
public interface PostProcessor {

  /** Leaves the tokens as they are. */
  PostProcessor NONE = (tokens, first, text, from, to, addSpecial) -> {};

  /**
   * Adds special tokens or changes ranges. Added tokens stand for no text: their range is (0, 0),
   * as in Hugging Face's library.
   *
   * @param tokens the buffer, which may hold tokens of earlier texts
   * @param first index of the first token of this text
   * @param text holds the text as it came; the tokens' ranges count from where it begins
   * @param from where the text begins in the array
   * @param to where it ends
   * @param addSpecial whether special tokens are to be added
   */
  void process(TokenBuffer tokens, int first, byte[] text, int from, int to, boolean addSpecial);
}
