package jllm.tokenize.train;

import java.util.Arrays;

/**
 * The neighbours that a merge's new token has on one side, by the neighbour's id: how often, and
 * where the pair with it starts. Each merge fills two of these and empties them again, at the cost
 * of what it touched.
 */
final class Side {
  // By token id.
  private long[] counts;
  private int[] occurrences;
  private int[] next;

  // The ids that were noted.
  int[] touched = new int[256];
  int touchedCount;

  // Neighbour and place of each pair that may be merged later.
  private int[] neighbours = new int[1024];
  private int[] places = new int[1024];
  private int placeCount;

  Side(int ids) {
    counts = new long[ids];
    occurrences = new int[ids];
    next = new int[ids];
  }

  void growTo(int ids) {
    counts = Arrays.copyOf(counts, ids);
    occurrences = Arrays.copyOf(occurrences, ids);
    next = Arrays.copyOf(next, ids);
  }

  /**
   * @param place where the pair with the neighbour starts, -1 if it would be too long to be merged
   */
  void note(int token, long count, int place) {
    if (counts[token] == 0) {
      if (touchedCount == touched.length) {
        touched = Arrays.copyOf(touched, 2 * touchedCount);
      }
      touched[touchedCount++] = token;
    }
    counts[token] += count;
    if (place >= 0) {
      if (placeCount == places.length) {
        int capacity = placeCount + (placeCount >> 1);
        neighbours = Arrays.copyOf(neighbours, capacity);
        places = Arrays.copyOf(places, capacity);
      }
      neighbours[placeCount] = token;
      places[placeCount++] = place;
      occurrences[token]++;
    }
  }

  long count(int token) {
    return counts[token];
  }

  void lower(int token, long by) {
    counts[token] -= by;
  }

  /**
   * Decides which pairs are kept, those that occur {@code floor} times, and where their places
   * begin in a common array from {@code start} on; returns where they end.
   */
  int layOut(long floor, int start) {
    int end = start;
    for (int i = 0; i < touchedCount; i++) {
      int t = touched[i];
      if (counts[t] < floor) {
        occurrences[t] = 0;
      }
      next[t] = end;
      end += occurrences[t];
    }
    return end;
  }

  /** Writes the places of the kept pairs, each pair's in ascending order. */
  void fill(int[] target) {
    for (int i = 0; i < placeCount; i++) {
      int t = neighbours[i];
      if (occurrences[t] > 0) {
        target[next[t]++] = places[i];
      }
    }
  }

  /** Adds the kept pairs; {@link #fill} has moved {@code next} to the end of each. */
  void addTo(PairTable pairs, int merged, boolean neighbourIsLeft) {
    for (int i = 0; i < touchedCount; i++) {
      int t = touched[i];
      int n = occurrences[t];
      if (n > 0) {
        long key = neighbourIsLeft ? PairTable.key(t, merged) : PairTable.key(merged, t);
        pairs.add(key, counts[t], next[t] - n, n);
      }
    }
  }

  void clear() {
    for (int i = 0; i < touchedCount; i++) {
      counts[touched[i]] = 0;
      occurrences[touched[i]] = 0;
    }
    touchedCount = 0;
    placeCount = 0;
  }
}
