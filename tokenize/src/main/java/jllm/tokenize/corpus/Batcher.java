package jllm.tokenize.corpus;

import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Makes batches of about equal size of documents of any size: small ones are put together, long
 * ones cut where a rule allows it. What cannot be cut is held whole.
 */
public final class Batcher {
  private static final int MAX_DOCUMENT = Integer.MAX_VALUE - 16;

  private final CutRule cuts;
  private final int size;
  private final Consumer<Batch> out;

  // The batch under way.
  private byte[] text;
  private int[] ends = new int[16];
  private boolean[] lasts = new boolean[16];
  private int count;
  private int used;
  private long position;

  // What is left of a document that is not complete.
  private byte[] open = {};
  private int openSize;

  /**
   * @param size the bytes of a batch; only what cannot be cut makes a larger one
   * @param out takes the batches, in order
   */
  public Batcher(CutRule cuts, int size, Consumer<Batch> out) {
    this.cuts = cuts;
    this.size = size;
    this.out = out;
    this.text = new byte[size];
  }

  /** Adds the next part of the corpus. */
  public void add(Chunk chunk) {
    position = chunk.position();
    if (chunk.first()) {
      endOpen();
    }
    if (openSize == 0 && chunk.last()) {
      segments(chunk.bytes(), chunk.bytes().length, true);
      return;
    }
    int searched = openSize;
    append(chunk.bytes());
    if (chunk.last()) {
      segments(open, openSize, true);
      openSize = 0;
      return;
    }
    int cut = cuts.last(open, Math.max(0, searched - 4), openSize);
    if (cut > 0) {
      segments(open, cut, false);
      System.arraycopy(open, cut, open, 0, openSize - cut);
      openSize -= cut;
    }
  }

  /** Hands out what is left. */
  public void finish() {
    endOpen();
    flush();
  }

  /** A document that was being read when it turned out to be damaged has no end of its own. */
  private void endOpen() {
    if (openSize > 0) {
      segments(open, openSize, true);
      openSize = 0;
    }
  }

  private void append(byte[] bytes) {
    if (bytes.length > MAX_DOCUMENT - openSize) {
      throw new CorpusException(
          "a document of more than 2 GiB must be held whole for this pattern or tokenizer; give a"
              + " document separator");
    }
    if (openSize + bytes.length > open.length) {
      long capacity = Math.max(openSize + bytes.length, 2L * open.length);
      open = Arrays.copyOf(open, (int) Math.min(capacity, MAX_DOCUMENT));
    }
    System.arraycopy(bytes, 0, open, openSize, bytes.length);
    openSize += bytes.length;
  }

  private void segments(byte[] bytes, int end, boolean last) {
    int at = 0;
    while (end - at > size) {
      int cut = -1;
      int from = at;
      while (cut < 0 && from < end) {
        int to = (int) Math.min(end, from + (long) size);
        cut = cuts.last(bytes, from, characterEnd(bytes, to, end));
        from = to;
      }
      if (cut < 0) {
        break;
      }
      add(bytes, at, cut, false);
      at = cut;
    }
    add(bytes, at, end, last);
  }

  private static int characterEnd(byte[] bytes, int at, int end) {
    int i = at;
    while (i < end && (bytes[i] & 0xc0) == 0x80) {
      i++;
    }
    return i;
  }

  private void add(byte[] bytes, int from, int to, boolean last) {
    int length = to - from;
    if (used + length > text.length) {
      flush();
      if (length > text.length) {
        text = new byte[length];
      }
    }
    if (count == ends.length) {
      ends = Arrays.copyOf(ends, 2 * count);
      lasts = Arrays.copyOf(lasts, 2 * count);
    }
    System.arraycopy(bytes, from, text, used, length);
    used += length;
    ends[count] = used;
    lasts[count] = last;
    count++;
  }

  private void flush() {
    if (count == 0) {
      return;
    }
    out.accept(new Batch(text, ends, lasts, count, position));
    text = new byte[size];
    ends = new int[16];
    lasts = new boolean[16];
    count = 0;
    used = 0;
  }
}
