package jllm.tokenize.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Cuts a stream at a separator, in memory bounded by the longest part that must come whole. */
final class SegmentReader {

  /** Receives the segments. */
  interface Handler {
    /**
     * @param buffer holds the segment or a part of it in {@code [from, to)}, until the return
     * @param first whether the segment begins here
     * @param last whether the segment ends here
     * @param offset in the stream of the first byte
     * @param number of the segment, from 1
     * @return whether to go on
     */
    boolean segment(
        byte[] buffer, int from, int to, boolean first, boolean last, long offset, long number);
  }

  private static final int READ = 1 << 16;
  private static final int MAX_ARRAY = Integer.MAX_VALUE - 16;

  private final InputStream in;
  private final byte @Nullable [] separator;
  private final int whole;
  private final Handler handler;

  private byte[] buffer = new byte[READ];
  private int start;
  private int size;
  private int searched;
  private long base;
  private boolean first = true;
  private long number = 1;

  /**
   * @param separator between segments, or null: the stream is one
   * @param whole a segment of at most so many bytes comes in one part, a longer one in parts of
   *     about that size, which may end inside a character
   */
  SegmentReader(InputStream in, byte @Nullable [] separator, int whole, Handler handler) {
    this.in = in;
    this.separator = separator;
    this.whole = whole;
    this.handler = handler;
  }

  boolean read() throws IOException {
    while (true) {
      int at = separator == null ? -1 : find(separator);
      if (at >= 0 && separator != null) {
        if (!emit(at, true)) {
          return false;
        }
        start = at + separator.length;
        searched = start;
        continue;
      }
      if (size - start > whole) {
        int end = separator == null ? size : Math.max(start, searched);
        if (!emit(end, false)) {
          return false;
        }
        start = end;
      }
      makeRoom();
      int n = in.read(buffer, size, Math.min(buffer.length - size, READ * 16));
      if (n < 0) {
        return emit(size, true);
      }
      size += n;
    }
  }

  private boolean emit(int end, boolean last) {
    boolean more = handler.segment(buffer, start, end, first, last, base + start, number);
    first = last;
    if (last) {
      number++;
    }
    return more;
  }

  private void makeRoom() {
    if (size < buffer.length) {
      return;
    }
    if (start > 0) {
      System.arraycopy(buffer, start, buffer, 0, size - start);
      base += start;
      searched -= start;
      size -= start;
      start = 0;
    }
    if (size > buffer.length / 2) {
      if (buffer.length == MAX_ARRAY) {
        throw new CorpusException("a part that must be held whole is longer than 2 GiB");
      }
      buffer = Arrays.copyOf(buffer, (int) Math.min(2L * buffer.length, MAX_ARRAY));
    }
  }

  /** The separator's position, or -1; then {@link #searched} tells where one may still begin. */
  private int find(byte[] separator) {
    byte lead = separator[0];
    int last = size - separator.length;
    for (int i = Math.max(searched, start); i <= last; i++) {
      if (buffer[i] == lead
          && Arrays.equals(buffer, i, i + separator.length, separator, 0, separator.length)) {
        return i;
      }
    }
    searched = Math.max(Math.max(searched, start), last + 1);
    return -1;
  }
}
