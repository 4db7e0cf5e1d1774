package jllm.tokenize.model;

import jllm.tokenize.TokenBuffer;

/** Byte pair encoding whose symbols are bytes. */
final class ByteBpeEncoder implements PieceEncoder {

  private final TokenTable tokens;
  private final MergeRule merges;
  private final int[] byteIds;
  private final boolean wholeFirst;
  private final PieceCache cache;
  private final Merger merger = new Merger();

  /**
   * @param tokens the bytes of every token
   * @param merges which neighbours merge
   * @param byteIds the token of each byte, or -1: such bytes are left out
   * @param wholeFirst whether a piece that is a token is that token, reachable by merges or not
   */
  ByteBpeEncoder(TokenTable tokens, MergeRule merges, int[] byteIds, boolean wholeFirst) {
    this.tokens = tokens;
    this.merges = merges;
    this.byteIds = byteIds;
    this.wholeFirst = wholeFirst;
    this.cache = new PieceCache(tokens);
  }

  @Override
  public void encode(byte[] text, int start, int end, TokenBuffer out) {
    if (end - start > PieceCache.LONGEST) {
      compute(text, start, end, out);
    } else if (!cache.lookUp(text, start, end, out)) {
      int first = out.size();
      compute(text, start, end, out);
      cache.store(end - start, out, first);
    }
  }

  private void compute(byte[] text, int start, int end, TokenBuffer out) {
    if (wholeFirst) {
      int id = tokens.find(text, start, end);
      if (id >= 0) {
        out.add(id, start, end);
        return;
      }
    }
    merger.clear();
    for (int i = start; i < end; i++) {
      int id = byteIds[text[i] & 0xff];
      if (id >= 0) {
        merger.add(id, i, i + 1);
      }
    }
    merger.merge(text, merges);
    for (int i = 0; i < merger.count(); i++) {
      out.add(merger.id(i), merger.start(i), merger.end(i));
    }
  }
}
