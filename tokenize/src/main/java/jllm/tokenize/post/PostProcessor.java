package jllm.tokenize.post;

import jllm.tokenize.TokenBuffer;

/** Works on the tokens of a whole text. Immutable and thread-safe. */
@FunctionalInterface
public interface PostProcessor {

  /** Leaves the tokens as they are. */
  PostProcessor NONE = (tokens, first, length, addSpecial) -> {};

  /**
   * Adds special tokens or changes ranges.
   *
   * @param tokens the buffer, which may hold tokens of earlier texts
   * @param first index of the first token of this text
   * @param length of the text in bytes
   * @param addSpecial whether special tokens are to be added
   */
  void process(TokenBuffer tokens, int first, int length, boolean addSpecial);
}
