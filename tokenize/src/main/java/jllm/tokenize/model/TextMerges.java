package jllm.tokenize.model;

/**
 * Merges given by the vocabulary itself: two neighbours become the token that their bytes together
 * spell, and its rank is the token's. This is how tiktoken (rank = id) and SentencePiece (rank by
 * descending score) define theirs.
 */
final class TextMerges implements MergeRule {

  private final TokenTable table;
  private final int[] ranks;

  /**
   * @param table the tokens that a merge may give
   * @param ranks by id; empty if ids are ranks
   */
  TextMerges(TokenTable table, int[] ranks) {
    this.table = table;
    this.ranks = ranks;
  }

  @Override
  public long find(byte[] text, int start, int end, int left, int right) {
    int id = table.find(text, start, end);
    if (id < 0) {
      return NONE;
    }
    return (long) (ranks.length == 0 ? id : ranks[id]) << 32 | id;
  }
}
