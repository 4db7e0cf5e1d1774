package jllm.tokenize;

import java.util.Arrays;

/**
 * A growing list of token ids, optionally with the byte range of the text that each token covers.
 * Encoders append to it; one that is cleared and used again allocates nothing. Not thread-safe.
 */
public final class TokenBuffer {

  private int[] ids;
  private int[] starts;
  private int[] ends;
  private int size;
  private final boolean offsets;

  /** A buffer of ids alone. */
  public TokenBuffer() {
    this(false);
  }

  /**
   * @param offsets whether byte ranges are recorded beside the ids
   */
  public TokenBuffer(boolean offsets) {
    this.offsets = offsets;
    ids = new int[256];
    starts = new int[offsets ? 256 : 0];
    ends = new int[offsets ? 256 : 0];
  }

  public int size() {
    return size;
  }

  public boolean hasOffsets() {
    return offsets;
  }

  public void clear() {
    size = 0;
  }

  /** Drops the tokens from {@code newSize} on. */
  public void truncate(int newSize) {
    size = Math.min(size, newSize);
  }

  public int id(int index) {
    return ids[check(index)];
  }

  /** The first byte of the text that the token covers. */
  public int start(int index) {
    return starts[check(index)];
  }

  /** One past the last byte of the text that the token covers. */
  public int end(int index) {
    return ends[check(index)];
  }

  /** Appends a token; the range is dropped where offsets are not recorded. */
  public void add(int id, int start, int end) {
    int n = size;
    if (n == ids.length) {
      grow(n + 1);
    }
    ids[n] = id;
    if (offsets) {
      starts[n] = start;
      ends[n] = end;
    }
    size = n + 1;
  }

  /** Replaces the range of a token. */
  public void setRange(int index, int start, int end) {
    check(index);
    starts[index] = start;
    ends[index] = end;
  }

  /** Makes the last token cover the text up to {@code end}. */
  public void extendLast(int end) {
    if (offsets) {
      ends[size - 1] = end;
    }
  }

  /** Inserts a token before the one at {@code index}. */
  public void insert(int index, int id, int start, int end) {
    if (size == ids.length) {
      grow(size + 1);
    }
    System.arraycopy(ids, index, ids, index + 1, size - index);
    if (offsets) {
      System.arraycopy(starts, index, starts, index + 1, size - index);
      System.arraycopy(ends, index, ends, index + 1, size - index);
    }
    ids[index] = id;
    if (offsets) {
      starts[index] = start;
      ends[index] = end;
    }
    size++;
  }

  /** The array behind the ids; only the first {@link #size} count, until the next append. */
  public int[] rawIds() {
    return ids;
  }

  /** A copy of the ids. */
  public int[] toArray() {
    return Arrays.copyOf(ids, size);
  }

  /** Makes room for {@code more} tokens beyond the present ones. */
  public void reserve(int more) {
    if (size + more > ids.length) {
      grow(size + more);
    }
  }

  private void grow(int atLeast) {
    int capacity = Math.max(atLeast, ids.length + (ids.length >> 1));
    ids = Arrays.copyOf(ids, capacity);
    if (offsets) {
      starts = Arrays.copyOf(starts, capacity);
      ends = Arrays.copyOf(ends, capacity);
    }
  }

  private int check(int index) {
    if (index >= size) {
      throw new IndexOutOfBoundsException("token " + index + " of " + size);
    }
    return index;
  }

  @Override
  public String toString() {
    return Arrays.toString(toArray());
  }
}
