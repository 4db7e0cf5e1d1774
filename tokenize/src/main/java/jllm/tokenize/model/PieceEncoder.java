package jllm.tokenize.model;

import jllm.tokenize.TokenBuffer;

/** One thread's encoder of pieces. */
public interface PieceEncoder {

  /**
   * Appends the tokens of a piece.
   *
   * @param text valid UTF-8
   * @param start first byte of the piece
   * @param end one past its last byte
   * @param out the tokens; their ranges are positions in {@code text}
   */
  void encode(byte[] text, int start, int end, TokenBuffer out);
}
