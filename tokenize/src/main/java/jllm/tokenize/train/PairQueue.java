package jllm.tokenize.train;

import java.util.Arrays;

/**
 * A heap of pairs, the most frequent first and among equals the smaller pair of ids. An entry holds
 * the count that its pair had when it was put in; who takes it out compares, and puts it back with
 * the true count when that has fallen meanwhile (counts only fall).
 */
final class PairQueue {
  private static final int ARITY = 4;

  private long[] counts = new long[1024];
  private long[] keys = new long[1024];
  private int[] slots = new int[1024];
  private int size;

  int size() {
    return size;
  }

  void clear() {
    size = 0;
  }

  /** Count of the first entry. */
  long topCount() {
    return counts[0];
  }

  /** Pair of the first entry. */
  int topSlot() {
    return slots[0];
  }

  void push(long count, long key, int slot) {
    if (size == counts.length) {
      int capacity = size + (size >> 1);
      counts = Arrays.copyOf(counts, capacity);
      keys = Arrays.copyOf(keys, capacity);
      slots = Arrays.copyOf(slots, capacity);
    }
    int i = size++;
    while (i > 0) {
      int parent = (i - 1) / ARITY;
      if (!before(count, key, counts[parent], keys[parent])) {
        break;
      }
      counts[i] = counts[parent];
      keys[i] = keys[parent];
      slots[i] = slots[parent];
      i = parent;
    }
    set(i, count, key, slot);
  }

  /** Drops the first entry. */
  void pop() {
    size--;
    if (size > 0) {
      sink(counts[size], keys[size], slots[size]);
    }
  }

  /** Gives the first entry a smaller count and moves it to where it belongs. */
  void lowerTop(long count) {
    sink(count, keys[0], slots[0]);
  }

  private void sink(long count, long key, int slot) {
    int i = 0;
    while (true) {
      int first = i * ARITY + 1;
      if (first >= size) {
        break;
      }
      int best = first;
      int end = Math.min(first + ARITY, size);
      for (int child = first + 1; child < end; child++) {
        if (before(counts[child], keys[child], counts[best], keys[best])) {
          best = child;
        }
      }
      if (!before(counts[best], keys[best], count, key)) {
        break;
      }
      counts[i] = counts[best];
      keys[i] = keys[best];
      slots[i] = slots[best];
      i = best;
    }
    set(i, count, key, slot);
  }

  private void set(int i, long count, long key, int slot) {
    counts[i] = count;
    keys[i] = key;
    slots[i] = slot;
  }

  private static boolean before(long countA, long keyA, long countB, long keyB) {
    return countA > countB || (countA == countB && keyA < keyB);
  }
}
