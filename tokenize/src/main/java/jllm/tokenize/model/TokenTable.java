package jllm.tokenize.model;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import jllm.tokenize.TokenizerFormatException;

/**
 * Finds the id of a sequence of bytes: an open-addressing table whose keys lie end to end in one
 * array, so that a look-up allocates nothing and touches two cache lines. Immutable.
 */
public final class TokenTable {

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long MULTIPLIER = 0x9e3779b97f4a7c15L;

  private final byte[] blob;
  private final int[] offsets;
  private final long[] slots;
  private final int mask;
  private final int longest;

  /**
   * @param keys by id; empty where an id is not to be found. Of equal keys the first wins.
   */
  public TokenTable(byte[][] keys) {
    int total = 0;
    int count = 0;
    int max = 0;
    for (byte[] key : keys) {
      if (key.length > 0) {
        total += key.length;
        max = Math.max(max, key.length);
        count++;
      }
    }
    longest = max;
    blob = new byte[total + 8];
    offsets = new int[keys.length + 1];
    int capacity = Integer.highestOneBit(Math.max(4, count * 2 - 1)) * 2;
    slots = new long[capacity];
    mask = capacity - 1;
    int at = 0;
    for (int id = 0; id < keys.length; id++) {
      offsets[id] = at;
      byte[] key = keys[id];
      if (key.length > 0) {
        System.arraycopy(key, 0, blob, at, key.length);
        insert(id, at, at + key.length);
        at += key.length;
      }
    }
    offsets[keys.length] = at;
  }

  private TokenTable(byte[] blob, int[] offsets, long[] slots, int longest) {
    this.blob = blob;
    this.offsets = offsets;
    this.slots = slots;
    this.mask = slots.length - 1;
    this.longest = longest;
  }

  /** The table as bytes, from which {@link #read} makes it faster than the constructor does. */
  public byte[] toBytes() {
    ByteBuffer bytes =
        ByteBuffer.allocate(
                16 + blob.length + Integer.BYTES * offsets.length + Long.BYTES * slots.length)
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(blob.length).putInt(offsets.length).putInt(slots.length).putInt(longest);
    bytes.put(blob);
    bytes.asIntBuffer().put(offsets);
    bytes.position(bytes.position() + Integer.BYTES * offsets.length);
    bytes.asLongBuffer().put(slots);
    return bytes.array();
  }

  /**
   * The table of {@link #toBytes}.
   *
   * @param bytes whose remaining ones are the table, unchanged
   * @throws TokenizerFormatException if there are more or fewer of them than it says
   */
  public static TokenTable read(ByteBuffer bytes) {
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    try {
      byte[] blob = new byte[length(bytes, 1)];
      int[] offsets = new int[length(bytes, Integer.BYTES)];
      long[] slots = new long[length(bytes, Long.BYTES)];
      int longest = bytes.getInt();
      bytes.get(blob);
      bytes.asIntBuffer().get(offsets);
      bytes.position(bytes.position() + Integer.BYTES * offsets.length);
      bytes.asLongBuffer().get(slots);
      bytes.position(bytes.position() + Long.BYTES * slots.length);
      if (!bytes.hasRemaining()) {
        return new TokenTable(blob, offsets, slots, longest);
      }
    } catch (BufferUnderflowException tooShort) {
      // Told below.
    }
    throw new TokenizerFormatException("a table of tokens has another length than it says");
  }

  private static int length(ByteBuffer bytes, int size) {
    int length = bytes.getInt();
    if (length < 0 || length > bytes.remaining() / size) {
      throw new BufferUnderflowException();
    }
    return length;
  }

  private void insert(int id, int start, int end) {
    long h = hash(blob, start, end);
    int slot = (int) h & mask;
    while (slots[slot] != 0) {
      if (slots[slot] >>> 32 == h >>> 32 && equal((int) slots[slot] - 1, blob, start, end)) {
        return;
      }
      slot = slot + 1 & mask;
    }
    slots[slot] = h & 0xffffffff00000000L | id + 1;
  }

  /** The id of a range of bytes, or -1. */
  public int find(byte[] text, int start, int end) {
    if (end - start > longest) {
      return -1;
    }
    long h = hash(text, start, end);
    int slot = (int) h & mask;
    while (true) {
      long s = slots[slot];
      if (s == 0) {
        return -1;
      }
      if (s >>> 32 == h >>> 32 && equal((int) s - 1, text, start, end)) {
        return (int) s - 1;
      }
      slot = slot + 1 & mask;
    }
  }

  public int find(byte[] key) {
    return find(key, 0, key.length);
  }

  /** The key of an id, empty if it has none. */
  public byte[] key(int id) {
    return Arrays.copyOfRange(blob, offsets[id], offsets[id + 1]);
  }

  /** The length in bytes of a key, 0 for an id that has none. */
  public int length(int id) {
    return offsets[id + 1] - offsets[id];
  }

  /** The length in bytes of the longest key. */
  public int longest() {
    return longest;
  }

  /** The number of ids. */
  public int size() {
    return offsets.length - 1;
  }

  /**
   * Whether a sequence of bytes is a key, and every key that contains it contains it only at its
   * beginning, repetitions there counted as one.
   */
  boolean onlyBegins(byte[] part) {
    if (find(part) < 0) {
      return false;
    }
    for (int id = 0; id + 1 < offsets.length; id++) {
      int i = offsets[id];
      int end = offsets[id + 1] - part.length;
      while (i <= end && startsAt(part, i)) {
        i += part.length;
      }
      for (; i <= end; i++) {
        if (startsAt(part, i)) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean startsAt(byte[] part, int i) {
    return Arrays.equals(blob, i, i + part.length, part, 0, part.length);
  }

  private boolean equal(int id, byte[] text, int start, int end) {
    return Arrays.equals(blob, offsets[id], offsets[id + 1], text, start, end);
  }

  private static long hash(byte[] t, int start, int end) {
    long h = end - start;
    int i = start;
    for (; end - i >= 8; i += 8) {
      h = mix(h ^ (long) LONG.get(t, i));
    }
    if (i < end) {
      h = mix(h ^ tail(t, i, end));
    }
    return h;
  }

  private static long mix(long h) {
    h *= MULTIPLIER;
    return h ^ h >>> 29;
  }

  /** The fewer than eight last bytes as a number. */
  private static long tail(byte[] t, int i, int end) {
    if (i + 8 <= t.length) {
      return (long) LONG.get(t, i) & -1L >>> 64 - 8 * (end - i);
    }
    long w = 0;
    for (int k = end - 1; k >= i; k--) {
      w = w << 8 | t[k] & 0xff;
    }
    return w;
  }
}
