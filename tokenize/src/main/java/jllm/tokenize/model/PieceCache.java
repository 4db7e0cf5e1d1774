package jllm.tokenize.model;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import jllm.tokenize.TokenBuffer;

/**
 * Remembers the tokens of short pieces: words repeat, and a hit costs one cache line. Each slot
 * holds the piece itself (up to 16 bytes) and up to four ids; a newcomer takes the slot of what was
 * there. Not thread-safe.
 */
final class PieceCache {

  /** The longest piece, in bytes, that is remembered. */
  static final int LONGEST = 16;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final int SLOTS = 1 << 15;
  private static final int MOST_TOKENS = 4;
  private static final int ID_BITS = 24;
  private static final long ID_MASK = (1 << ID_BITS) - 1;

  // Four longs a slot: the piece, zero-padded, in two; length, count and first two ids; the others.
  private final long[] table = new long[SLOTS * 4];
  private final TokenTable lengths;

  private long low;
  private long high;
  private int slot;

  /**
   * @param lengths tells how many bytes of a piece each id covers
   */
  PieceCache(TokenTable lengths) {
    this.lengths = lengths;
  }

  /**
   * Appends the tokens of a piece if it is remembered.
   *
   * @param end at most {@link #LONGEST} after {@code start}
   */
  boolean lookUp(byte[] t, int start, int end, TokenBuffer out) {
    int n = end - start;
    load(t, start, n);
    long h = (low ^ Long.rotateLeft(high * 0x9e3779b97f4a7c15L, 29) ^ n) * 0xd6e8feb86659fd93L;
    int at = (int) (h >>> 64 - 15) * 4;
    slot = at;
    long meta = table[at + 2];
    if (table[at] != low || table[at + 1] != high || (meta & 0xff) != n) {
      return false;
    }
    int count = (int) (meta >>> 8 & 0xff);
    int id = (int) (meta >>> 16 & ID_MASK);
    if (!out.hasOffsets()) {
      out.add(id, 0, 0);
      if (count > 1) {
        out.add((int) (meta >>> 40), 0, 0);
        if (count > 2) {
          out.add((int) (table[at + 3] & ID_MASK), 0, 0);
          if (count > 3) {
            out.add((int) (table[at + 3] >>> ID_BITS), 0, 0);
          }
        }
      }
      return true;
    }
    withOffsets(at, count, start, out);
    return true;
  }

  private void withOffsets(int at, int count, int start, TokenBuffer out) {
    int from = start;
    for (int i = 0; i < count; i++) {
      int id =
          switch (i) {
            case 0 -> (int) (table[at + 2] >>> 16 & ID_MASK);
            case 1 -> (int) (table[at + 2] >>> 40);
            case 2 -> (int) (table[at + 3] & ID_MASK);
            default -> (int) (table[at + 3] >>> ID_BITS);
          };
      int to = from + lengths.length(id);
      out.add(id, from, to);
      from = to;
    }
  }

  /**
   * Remembers what came of the piece that was looked up last, if it fits.
   *
   * @param length of the piece
   * @param out ends with its tokens
   * @param first index of the first of them
   */
  void store(int length, TokenBuffer out, int first) {
    int count = out.size() - first;
    if (count == 0 || count > MOST_TOKENS) {
      return;
    }
    int covered = 0;
    long ids = 0;
    long more = 0;
    for (int i = 0; i < count; i++) {
      int id = out.rawIds()[first + i];
      if (id > ID_MASK || id >= lengths.size()) {
        return;
      }
      covered += lengths.length(id);
      if (i < 2) {
        ids |= (long) id << ID_BITS * i;
      } else {
        more |= (long) id << ID_BITS * (i - 2);
      }
    }
    if (covered != length) {
      return;
    }
    table[slot] = low;
    table[slot + 1] = high;
    table[slot + 2] = ids << 16 | (long) count << 8 | length;
    table[slot + 3] = more;
  }

  private void load(byte[] t, int start, int n) {
    if (start + 16 <= t.length) {
      long a = (long) LONG.get(t, start);
      if (n <= 8) {
        low = a & -1L >>> 64 - 8 * n;
        high = 0;
      } else {
        low = a;
        high = (long) LONG.get(t, start + 8) & -1L >>> 128 - 8 * n;
      }
      return;
    }
    long a = 0;
    long b = 0;
    for (int i = n - 1; i >= 8; i--) {
      b = b << 8 | t[start + i] & 0xff;
    }
    for (int i = Math.min(n, 8) - 1; i >= 0; i--) {
      a = a << 8 | t[start + i] & 0xff;
    }
    low = a;
    high = b;
  }
}
