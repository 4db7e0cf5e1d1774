package jllm.tokenize.train;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * How often each word occurs: an open-addressed table whose words lie end to end in one array of
 * bytes, so that a word costs its bytes and about 28 more. Not thread-safe: each counting thread
 * owns one, and they are added up.
 */
public final class WordCounts {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long MIX = 0x9E3779B97F4A7C15L;
  private static final int MAX_ARRAY = Integer.MAX_VALUE - 16;

  private byte[] text;
  private int textSize;

  // Word w: bytes [starts[w], starts[w + 1]) of text, its hash and its count.
  private int[] starts;
  private int[] hashes;
  private long[] counts;
  private int size;

  // Word + 1 by hash, 0 where free; the length is a power of two.
  private int[] table;

  public WordCounts() {
    text = new byte[1 << 16];
    starts = new int[(1 << 12) + 1];
    hashes = new int[1 << 12];
    counts = new long[1 << 12];
    table = new int[1 << 13];
  }

  /** The number of distinct words. */
  public int size() {
    return size;
  }

  /** The bytes of all distinct words together. */
  public int bytes() {
    return textSize;
  }

  public long count(int word) {
    return counts[word];
  }

  public int length(int word) {
    return starts[word + 1] - starts[word];
  }

  /** A copy of the bytes of a word. */
  public byte[] word(int word) {
    return Arrays.copyOfRange(text, starts[word], starts[word + 1]);
  }

  /** The array that holds the words; read only, until the next change. */
  byte[] text() {
    return text;
  }

  int start(int word) {
    return starts[word];
  }

  /** Adds {@code n} occurrences of the word in {@code [from, to)}; an empty word is not counted. */
  public void add(byte[] source, int from, int to, long n) {
    if (from < to) {
      add(source, from, to, hash(source, from, to), n);
    }
  }

  /** Adds all words of another table. */
  public void addAll(WordCounts other) {
    for (int w = 0; w < other.size; w++) {
      add(other.text, other.starts[w], other.starts[w + 1], other.hashes[w], other.counts[w]);
    }
  }

  /** Empties the table and keeps its memory. */
  public void clear() {
    size = 0;
    textSize = 0;
    Arrays.fill(table, 0);
  }

  /** The sum of all counts. */
  public long occurrences() {
    long sum = 0;
    for (int w = 0; w < size; w++) {
      sum += counts[w];
    }
    return sum;
  }

  /** Drops every word that occurs at most {@code threshold} times. */
  public void dropUpTo(long threshold) {
    int kept = 0;
    int keptText = 0;
    for (int w = 0; w < size; w++) {
      if (counts[w] > threshold) {
        int from = starts[w];
        int length = starts[w + 1] - from;
        System.arraycopy(text, from, text, keptText, length);
        starts[kept] = keptText;
        hashes[kept] = hashes[w];
        counts[kept] = counts[w];
        keptText += length;
        kept++;
      }
    }
    starts[kept] = keptText;
    size = kept;
    textSize = keptText;
    rebuild(table.length);
  }

  private void add(byte[] source, int from, int to, int hash, long n) {
    int mask = table.length - 1;
    int slot = hash & mask;
    int length = to - from;
    while (true) {
      int w = table[slot] - 1;
      if (w < 0) {
        table[slot] = size + 1;
        append(source, from, length, hash, n);
        return;
      }
      if (hashes[w] == hash
          && starts[w + 1] - starts[w] == length
          && same(source, from, text, starts[w], length)) {
        counts[w] += n;
        return;
      }
      slot = (slot + 1) & mask;
    }
  }

  private static boolean same(byte[] a, int i, byte[] b, int j, int length) {
    if (length <= 16) {
      for (int k = 0; k < length; k++) {
        if (a[i + k] != b[j + k]) {
          return false;
        }
      }
      return true;
    }
    return Arrays.equals(a, i, i + length, b, j, j + length);
  }

  private void append(byte[] source, int from, int length, int hash, long n) {
    if (length > MAX_ARRAY - textSize) {
      throw new WordLimitException(
          "the distinct words exceed 2 GiB; lower the cap on words, or give a pattern or a document"
              + " separator that makes shorter words");
    }
    if (textSize + length > text.length) {
      text = Arrays.copyOf(text, capacity(text.length, textSize + length));
    }
    System.arraycopy(source, from, text, textSize, length);
    if (size == counts.length) {
      int capacity = capacity(size, size + 1);
      starts = Arrays.copyOf(starts, capacity + 1);
      hashes = Arrays.copyOf(hashes, capacity);
      counts = Arrays.copyOf(counts, capacity);
    }
    starts[size] = textSize;
    hashes[size] = hash;
    counts[size] = n;
    size++;
    textSize += length;
    starts[size] = textSize;
    if (size > table.length / 2) {
      if (table.length == 1 << 30) {
        throw new WordLimitException("more than 2^29 distinct words; lower the cap on words");
      }
      rebuild(table.length * 2);
    }
  }

  private static int capacity(int old, int atLeast) {
    return (int) Math.clamp(old + (long) (old >> 1), atLeast, MAX_ARRAY);
  }

  private void rebuild(int slots) {
    table = new int[slots];
    int mask = slots - 1;
    for (int w = 0; w < size; w++) {
      int slot = hashes[w] & mask;
      while (table[slot] != 0) {
        slot = (slot + 1) & mask;
      }
      table[slot] = w + 1;
    }
  }

  /** Eight bytes at a time, multiplied and folded: words are short, so set-up counts most. */
  private static int hash(byte[] b, int from, int to) {
    long h = (to - from) * MIX;
    int i = from;
    for (; i + 8 <= to; i += 8) {
      h = (h ^ (long) LONGS.get(b, i)) * MIX;
      h ^= h >>> 29;
    }
    long rest = 0;
    for (; i < to; i++) {
      rest = rest << 8 | b[i] & 0xff;
    }
    h = (h ^ rest) * MIX;
    h ^= h >>> 32;
    h *= MIX;
    return (int) (h >>> 32);
  }
}
