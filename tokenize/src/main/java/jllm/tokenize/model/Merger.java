package jllm.tokenize.model;

import java.util.Arrays;

/**
 * Merges the symbols of a piece, the most urgent pair first and of equal ones the leftmost, until
 * none is left. Short pieces by scanning for the minimum, which has no overhead; long ones by a
 * heap over a linked list in O(n log n), so that no input makes it quadratic. Reused; not
 * thread-safe.
 */
final class Merger {

  private static final int SHORT = 40;

  private int[] ids = new int[64];
  private int[] starts = new int[64];
  private int[] ends = new int[64];
  private long[] merges = new long[64];
  private int count;

  private int[] next = {};
  private int[] previous = {};
  private long[] heap = {};
  private int[] heapAt = {};
  private int heapSize;

  void clear() {
    count = 0;
  }

  void add(int id, int start, int end) {
    if (count == ids.length) {
      ids = Arrays.copyOf(ids, count * 2);
      starts = Arrays.copyOf(starts, count * 2);
      ends = Arrays.copyOf(ends, count * 2);
      merges = Arrays.copyOf(merges, count * 2);
    }
    ids[count] = id;
    starts[count] = start;
    ends[count++] = end;
  }

  int count() {
    return count;
  }

  int id(int i) {
    return ids[i];
  }

  int start(int i) {
    return starts[i];
  }

  int end(int i) {
    return ends[i];
  }

  /** The last symbol grows: used to fuse unknown symbols. */
  void extendLast(int end) {
    ends[count - 1] = end;
  }

  void merge(byte[] text, MergeRule rule) {
    if (count < 2) {
      return;
    }
    if (count <= SHORT) {
      mergeShort(text, rule);
    } else {
      mergeLong(text, rule);
    }
  }

  private void mergeShort(byte[] text, MergeRule rule) {
    int n = count;
    for (int i = 0; i + 1 < n; i++) {
      merges[i] = rule.find(text, starts[i], ends[i + 1], ids[i], ids[i + 1]);
    }
    while (n > 1) {
      int at = 0;
      long best = merges[0] >>> 32;
      for (int i = 1; i + 1 < n; i++) {
        long rank = merges[i] >>> 32;
        if (rank < best) {
          best = rank;
          at = i;
        }
      }
      if (merges[at] == MergeRule.NONE) {
        break;
      }
      ids[at] = (int) merges[at];
      ends[at] = ends[at + 1];
      n--;
      int rest = n - at - 1;
      if (rest > 0) {
        System.arraycopy(ids, at + 2, ids, at + 1, rest);
        System.arraycopy(starts, at + 2, starts, at + 1, rest);
        System.arraycopy(ends, at + 2, ends, at + 1, rest);
        System.arraycopy(merges, at + 2, merges, at + 1, rest);
        merges[at] = rule.find(text, starts[at], ends[at + 1], ids[at], ids[at + 1]);
      }
      if (at > 0) {
        merges[at - 1] = rule.find(text, starts[at - 1], ends[at], ids[at - 1], ids[at]);
      }
    }
    count = n;
  }

  private void mergeLong(byte[] text, MergeRule rule) {
    int n = count;
    if (next.length < n) {
      next = new int[ids.length];
      previous = new int[ids.length];
    }
    heapSize = 0;
    for (int i = 0; i < n; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    for (int i = 0; i + 1 < n; i++) {
      look(text, rule, i, i + 1);
    }
    while (heapSize > 0) {
      int left = heapAt[0];
      long merge = heap[0];
      pop();
      // Symbols change and vanish while their entries wait: only one that still holds counts.
      if (merges[left] != merge || next[left] >= n) {
        continue;
      }
      int right = next[left];
      ids[left] = (int) merge;
      ends[left] = ends[right];
      merges[right] = MergeRule.NONE;
      next[left] = next[right];
      if (next[right] < n) {
        previous[next[right]] = left;
      }
      next[right] = -1;
      look(text, rule, left, next[left] < n ? next[left] : -1);
      if (previous[left] >= 0) {
        look(text, rule, previous[left], left);
      }
    }
    compact(n);
  }

  private void look(byte[] text, MergeRule rule, int left, int right) {
    if (right < 0) {
      merges[left] = MergeRule.NONE;
      return;
    }
    long merge = rule.find(text, starts[left], ends[right], ids[left], ids[right]);
    merges[left] = merge;
    if (merge != MergeRule.NONE) {
      push(merge, left);
    }
  }

  private void compact(int n) {
    int k = 0;
    for (int i = 0; i < n; i = next[i]) {
      ids[k] = ids[i];
      starts[k] = starts[i];
      ends[k++] = ends[i];
    }
    count = k;
  }

  private static boolean less(long a, int atA, long b, int atB) {
    return a >>> 32 != b >>> 32 ? a >>> 32 < b >>> 32 : atA < atB;
  }

  private void push(long merge, int at) {
    if (heapSize == heap.length) {
      heap = Arrays.copyOf(heap, Math.max(256, heapSize * 2));
      heapAt = Arrays.copyOf(heapAt, heap.length);
    }
    int i = heapSize++;
    while (i > 0) {
      int parent = i - 1 >>> 1;
      if (!less(merge, at, heap[parent], heapAt[parent])) {
        break;
      }
      heap[i] = heap[parent];
      heapAt[i] = heapAt[parent];
      i = parent;
    }
    heap[i] = merge;
    heapAt[i] = at;
  }

  private void pop() {
    int n = --heapSize;
    long merge = heap[n];
    int at = heapAt[n];
    int i = 0;
    while (2 * i + 1 < n) {
      int child = 2 * i + 1;
      if (child + 1 < n && less(heap[child + 1], heapAt[child + 1], heap[child], heapAt[child])) {
        child++;
      }
      if (!less(heap[child], heapAt[child], merge, at)) {
        break;
      }
      heap[i] = heap[child];
      heapAt[i] = heapAt[child];
      i = child;
    }
    heap[i] = merge;
    heapAt[i] = at;
  }
}
