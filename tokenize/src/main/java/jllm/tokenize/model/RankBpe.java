package jllm.tokenize.model;

import jllm.tokenize.TokenizerFormatException;

/**
 * Byte pair encoding as tiktoken defines it: a table of byte sequences whose rank is their id; two
 * neighbours merge if together they are in the table, the lowest rank first, and a piece that is in
 * the table is that token.
 */
public final class RankBpe implements Model {

  private final TokenTable table;
  private final TextMerges merges;
  private final int[] byteIds = new int[256];

  /**
   * @param table the tokens by id; empty where a rank is not taken
   * @throws TokenizerFormatException if one of the 256 bytes is missing
   */
  public RankBpe(TokenTable table) {
    this.table = table;
    merges = new TextMerges(table, new int[0]);
    for (int b = 0; b < 256; b++) {
      byteIds[b] = table.find(new byte[] {(byte) b});
      if (byteIds[b] < 0) {
        throw new TokenizerFormatException(
            String.format("the rank table has no token for the byte 0x%02X; expected all 256", b));
      }
    }
  }

  /** The bytes of a token, empty if there is none. */
  public byte[] token(int id) {
    return table.key(id);
  }

  /** One more than the highest rank. */
  public int size() {
    return table.size();
  }

  /** The id of a sequence of bytes, or -1. */
  public int find(byte[] text, int start, int end) {
    return table.find(text, start, end);
  }

  @Override
  public PieceEncoder newEncoder() {
    return new ByteBpeEncoder(table, merges, byteIds, true);
  }
}
