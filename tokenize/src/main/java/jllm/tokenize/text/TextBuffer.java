package jllm.tokenize.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * UTF-8 bytes, each with the range of the source text that it stands for. Either a view of the
 * source itself (every byte stands for itself, nothing is copied) or a rewritten text. Only valid
 * UTF-8 is ever held. Reused without allocation; not thread-safe.
 */
public final class TextBuffer {

  private static final byte[] EMPTY = {};

  private static final int[] NONE = {};

  private byte[] own = EMPTY;
  private int[] ownFrom = NONE;
  private int[] ownTo = NONE;
  private int[] from = NONE;
  private int[] to = NONE;
  private byte[] bytes = EMPTY;
  private int start;
  private int end;
  private boolean view = true;

  /** Becomes a view of a range of the source. */
  public void wrap(byte[] source, int start, int end) {
    this.bytes = source;
    this.start = start;
    this.end = end;
    this.view = true;
  }

  /** Becomes another way to read a text that stays as it is while this one is read. */
  public void view(TextBuffer other) {
    bytes = other.bytes;
    start = other.start;
    end = other.end;
    from = other.from;
    to = other.to;
    view = other.view;
  }

  /** Becomes empty and writable. */
  public void clear() {
    bytes = own;
    from = ownFrom;
    to = ownTo;
    start = 0;
    end = 0;
    view = false;
  }

  /** The array that holds the text; only {@link #start} to {@link #end} count. */
  public byte[] bytes() {
    return bytes;
  }

  public int start() {
    return start;
  }

  public int end() {
    return end;
  }

  public int length() {
    return end - start;
  }

  public boolean isEmpty() {
    return end == start;
  }

  /** Whether every byte stands for itself, so that positions are source positions. */
  public boolean isView() {
    return view;
  }

  /** First source byte that the byte at {@code index} stands for. */
  public int from(int index) {
    return view ? index : from[index];
  }

  /** One past the last source byte that the byte at {@code index} stands for. */
  public int to(int index) {
    return view ? index + 1 : to[index];
  }

  /** Drops what is at a position and behind it. */
  public void truncate(int newEnd) {
    end = newEnd;
  }

  /** Appends one byte of a character. */
  public void putByte(int value, int sourceFrom, int sourceTo) {
    int n = end;
    if (n == own.length) {
      grow(n + 1);
    }
    own[n] = (byte) value;
    from[n] = sourceFrom;
    to[n] = sourceTo;
    end = n + 1;
  }

  /** Appends a character, each of its bytes standing for the given source range. */
  public void put(int codePoint, int sourceFrom, int sourceTo) {
    if (codePoint < 0x80) {
      putByte(codePoint, sourceFrom, sourceTo);
      return;
    }
    if (codePoint < 0x800) {
      putByte(0xc0 | codePoint >> 6, sourceFrom, sourceTo);
    } else {
      if (codePoint < 0x10000) {
        putByte(0xe0 | codePoint >> 12, sourceFrom, sourceTo);
      } else {
        putByte(0xf0 | codePoint >> 18, sourceFrom, sourceTo);
        putByte(0x80 | codePoint >> 12 & 0x3f, sourceFrom, sourceTo);
      }
      putByte(0x80 | codePoint >> 6 & 0x3f, sourceFrom, sourceTo);
    }
    putByte(0x80 | codePoint & 0x3f, sourceFrom, sourceTo);
  }

  /** Appends a range of another buffer, alignment included. */
  public void copy(TextBuffer other, int otherStart, int otherEnd) {
    int n = otherEnd - otherStart;
    if (end + n > own.length) {
      grow(end + n);
    }
    System.arraycopy(other.bytes, otherStart, own, end, n);
    if (other.view) {
      for (int i = 0; i < n; i++) {
        from[end + i] = otherStart + i;
        to[end + i] = otherStart + i + 1;
      }
    } else {
      System.arraycopy(other.from, otherStart, from, end, n);
      System.arraycopy(other.to, otherStart, to, end, n);
    }
    end += n;
  }

  private void grow(int atLeast) {
    int capacity = Math.max(Math.max(atLeast, 256), own.length + (own.length >> 1));
    own = Arrays.copyOf(own, capacity);
    ownFrom = Arrays.copyOf(ownFrom, capacity);
    ownTo = Arrays.copyOf(ownTo, capacity);
    bytes = own;
    from = ownFrom;
    to = ownTo;
  }

  @Override
  public String toString() {
    return new String(bytes, start, end - start, StandardCharsets.UTF_8);
  }
}
