package jllm.tokenize.train;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The pairs of neighbouring tokens that may still be merged: each with its count and the places
 * where it was seen. The places of all pairs that came up in one merge share an array, which is let
 * go with the last of them; a place may be out of date, for the tokens there may have been merged
 * with others since.
 */
final class PairTable {
  private static final int MIN_SLOTS = 1024;

  // By slot: the pair, its count (0 once it is dead), and its places in the array of its batch.
  private long[] keys = new long[MIN_SLOTS];
  private long[] counts = new long[MIN_SLOTS];
  private int[] batches = new int[MIN_SLOTS];
  private int[] starts = new int[MIN_SLOTS];
  private int[] lengths = new int[MIN_SLOTS];
  private int size;
  private int live;

  // Slot + 1 by hash of the pair, 0 where free. Dead pairs stay until the table is compacted.
  private int[] table = new int[4 * MIN_SLOTS];

  private int[] @Nullable [] places = new int[64][];
  private int[] pairsOfBatch = new int[64];
  private int batchCount;

  final PairQueue queue = new PairQueue();

  static long key(int left, int right) {
    return (long) left << 32 | right;
  }

  long key(int slot) {
    return keys[slot];
  }

  long count(int slot) {
    return counts[slot];
  }

  int[] places(int slot) {
    int[] all = places[batches[slot]];
    if (all == null) {
      throw new IllegalStateException("the places of a pair were let go before the pair");
    }
    return all;
  }

  int placesStart(int slot) {
    return starts[slot];
  }

  int placesEnd(int slot) {
    return starts[slot] + lengths[slot];
  }

  /** Registers the array that the places of the next pairs lie in. */
  void newBatch(int[] batch) {
    if (batchCount == places.length) {
      places = Arrays.copyOf(places, 2 * batchCount);
      pairsOfBatch = Arrays.copyOf(pairsOfBatch, 2 * batchCount);
    }
    places[batchCount] = batch;
    pairsOfBatch[batchCount] = 0;
    batchCount++;
  }

  /** Adds a pair that is not in the table, with its places in the newest batch. */
  void add(long key, long count, int start, int length) {
    if (size == keys.length) {
      makeRoom();
    }
    int slot = size++;
    live++;
    keys[slot] = key;
    counts[slot] = count;
    batches[slot] = batchCount - 1;
    starts[slot] = start;
    lengths[slot] = length;
    pairsOfBatch[batchCount - 1]++;
    index(slot);
    queue.push(count, key, slot);
  }

  /** The slot of a live pair, or -1. */
  int find(long key) {
    int mask = table.length - 1;
    for (int i = hash(key) & mask; table[i] != 0; i = (i + 1) & mask) {
      int slot = table[i] - 1;
      if (keys[slot] == key) {
        return counts[slot] > 0 ? slot : -1;
      }
    }
    return -1;
  }

  /** Lowers the count of a pair; below {@code floor} the pair can never be merged and dies. */
  void lower(int slot, long by, long floor) {
    counts[slot] -= by;
    if (counts[slot] < floor) {
      remove(slot);
    }
  }

  void remove(int slot) {
    counts[slot] = 0;
    live--;
    int batch = batches[slot];
    if (--pairsOfBatch[batch] == 0) {
      places[batch] = null;
    }
  }

  private void makeRoom() {
    if (live > size / 2) {
      int capacity = size + (size >> 1);
      keys = Arrays.copyOf(keys, capacity);
      counts = Arrays.copyOf(counts, capacity);
      batches = Arrays.copyOf(batches, capacity);
      starts = Arrays.copyOf(starts, capacity);
      lengths = Arrays.copyOf(lengths, capacity);
      if (2L * capacity > table.length) {
        reindex(2 * table.length);
      }
      return;
    }
    int kept = 0;
    for (int slot = 0; slot < size; slot++) {
      if (counts[slot] > 0) {
        keys[kept] = keys[slot];
        counts[kept] = counts[slot];
        batches[kept] = batches[slot];
        starts[kept] = starts[slot];
        lengths[kept] = lengths[slot];
        kept++;
      }
    }
    size = kept;
    reindex(table.length);
    queue.clear();
    for (int slot = 0; slot < size; slot++) {
      queue.push(counts[slot], keys[slot], slot);
    }
  }

  private void reindex(int length) {
    table = new int[length];
    for (int slot = 0; slot < size; slot++) {
      if (counts[slot] > 0) {
        index(slot);
      }
    }
  }

  private void index(int slot) {
    int mask = table.length - 1;
    int i = hash(keys[slot]) & mask;
    while (table[i] != 0) {
      i = (i + 1) & mask;
    }
    table[i] = slot + 1;
  }

  private static int hash(long key) {
    long h = key * 0x9E3779B97F4A7C15L;
    return (int) (h >>> 32) ^ (int) (h >>> 15);
  }
}
