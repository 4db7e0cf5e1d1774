package jllm.tokenize.train;

import java.util.Arrays;
import jllm.tokenize.corpus.Chunk;
import jllm.tokenize.corpus.DocumentSink;

/** Lets the beginning of each document pass, and the corpus up to a number of bytes. */
final class DocumentLimits implements DocumentSink {
  private final int docCap;
  private final long maxBytes;
  private final DocumentSink next;

  private long characters;
  private boolean full;
  private long bytes;

  /**
   * @param docCap characters of a document, 0 for all
   * @param maxBytes bytes in all, 0 for no limit
   */
  DocumentLimits(int docCap, long maxBytes, DocumentSink next) {
    this.docCap = docCap == 0 ? Integer.MAX_VALUE : docCap;
    this.maxBytes = maxBytes == 0 ? Long.MAX_VALUE : maxBytes;
    this.next = next;
  }

  /** The bytes that have passed. */
  long bytes() {
    return bytes;
  }

  @Override
  public boolean accept(Chunk chunk) {
    if (chunk.first()) {
      characters = 0;
      full = false;
    }
    if (full) {
      return true;
    }
    byte[] text = chunk.bytes();
    int end = text.length;
    if (docCap < Integer.MAX_VALUE) {
      end = capped(text);
      full = end < text.length;
    }
    boolean ends = false;
    if (end >= maxBytes - bytes) {
      end = boundary(text, (int) (maxBytes - bytes));
      ends = true;
    }
    bytes += end;
    boolean whole = end == text.length;
    boolean more =
        next.accept(
            new Chunk(
                whole ? text : Arrays.copyOf(text, end),
                chunk.first(),
                chunk.last() || full || ends,
                chunk.position()));
    return more && !ends;
  }

  @Override
  public void skipped(String message) {
    next.skipped(message);
  }

  /** The end of what the document may still have of characters. */
  private int capped(byte[] text) {
    for (int i = 0; i < text.length; i++) {
      if ((text[i] & 0xc0) != 0x80 && ++characters > docCap) {
        return i;
      }
    }
    return text.length;
  }

  private static int boundary(byte[] text, int at) {
    int i = at;
    while (i > 0 && i < text.length && (text[i] & 0xc0) == 0x80) {
      i--;
    }
    return i;
  }
}
