package jllm.tokenize.stream;

import jllm.tokenize.TokenBuffer;

/**
 * Tokens of a part of a text, or of all of it.
 *
 * @param text holds the part
 * @param from where the part begins in {@code text}
 * @param to where it ends
 * @param offset of the part's first byte in the text
 * @param tokens of the part; ranges, where asked for, are relative to the part, and below 0 for
 *     special tokens that were added to a later part than the first
 * @param first whether the text begins here
 * @param last whether the text ends here
 */
public record TokenChunk(
    byte[] text, int from, int to, long offset, TokenBuffer tokens, boolean first, boolean last) {

  /**
   * Where a token's range begins in the text; 0 for one that stands for no text of a later part.
   */
  public long start(int token) {
    int start = tokens.start(token);
    return start < 0 ? 0 : offset + start;
  }

  /** Where a token's range ends in the text; 0 for one that stands for no text of a later part. */
  public long end(int token) {
    int end = tokens.end(token);
    return end < 0 ? 0 : offset + end;
  }
}
