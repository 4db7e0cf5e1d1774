package jllm.generate;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.format.ModelFormatException;

/**
 * The tokens that may still be chosen, with their logits; the steps of a {@link Sampler} change the
 * logits or drop tokens. One buffer serves all tokens of a session.
 *
 * <p>Of two tokens the better one has the larger logit or, at equal logits, the smaller id: a total
 * order, so that every cut is the same on every run.
 */
final class Candidates {
  private final float[] logits;
  private final int[] ids;
  private int size;

  /** The first this many are in falling order and better than all others. */
  private int sorted;

  Candidates(int vocabulary) {
    logits = new float[vocabulary];
    ids = new int[vocabulary];
  }

  /**
   * Starts anew with every token of the vocabulary, the one with id {@code i} at index {@code i}.
   *
   * @param row the logits, float32
   * @throws ModelFormatException if a logit is not a number
   */
  void fill(MemorySegment row) {
    MemorySegment.copy(row, ValueLayout.JAVA_FLOAT, 0, logits, 0, logits.length);
    size = logits.length;
    sorted = 0;
    float largest = Float.NEGATIVE_INFINITY;
    boolean number = true;
    for (int i = 0; i < size; i++) {
      ids[i] = i;
      number &= !Float.isNaN(logits[i]);
      largest = Math.max(largest, logits[i]);
    }
    if (!number || Float.isInfinite(largest)) {
      throw notFinite();
    }
  }

  /** What logits are refused with. */
  static ModelFormatException notFinite() {
    return new ModelFormatException(
        "the model computed logits that are not finite numbers: its weights are damaged, or too"
            + " large for their type");
  }

  int size() {
    return size;
  }

  int id(int index) {
    return ids[index];
  }

  float logit(int index) {
    return logits[index];
  }

  void logit(int index, float value) {
    logits[index] = value;
    sorted = 0;
  }

  float largestLogit() {
    if (sorted > 0) {
      return logits[0];
    }
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < size; i++) {
      largest = Math.max(largest, logits[i]);
    }
    return largest;
  }

  /**
   * Divides all logits by a positive number, after moving the largest to 0 so that none overflows.
   */
  void divide(double divisor) {
    float largest = largestLogit();
    for (int i = 0; i < size; i++) {
      logits[i] = (float) ((logits[i] - largest) / divisor);
    }
  }

  /** The logarithm of the sum of the exponentials of all logits. */
  double logTotal() {
    float largest = largestLogit();
    double total = 0;
    for (int i = 0; i < size; i++) {
      total += Math.exp(logits[i] - largest);
    }
    return largest + Math.log(total);
  }

  /** The index of a token, -1 if it was dropped. */
  int place(int token) {
    for (int i = 0; i < size; i++) {
      if (ids[i] == token) {
        return i;
      }
    }
    return -1;
  }

  /** Drops all but the first {@code count}. */
  void keepFirst(int count) {
    size = count;
    sorted = Math.min(sorted, count);
  }

  /** Drops all but the one at {@code index}. */
  void keepOnly(int index) {
    swap(0, index);
    size = 1;
    sorted = 1;
  }

  /** Drops those with smaller logits; the order of the others stays. */
  void keepAtLeast(float logit) {
    int kept = 0;
    for (int i = 0; i < size; i++) {
      if (logits[i] >= logit) {
        logits[kept] = logits[i];
        ids[kept] = ids[i];
        kept++;
      }
    }
    keepFirst(kept);
  }

  /**
   * Brings the best {@code count} to the front, in falling order; the others follow in any order. A
   * heap of the best seen so far costs one comparison for nearly all of the others.
   */
  void bringToFront(int count) {
    if (count <= sorted) {
      return;
    }
    for (int parent = count / 2 - 1; parent >= 0; parent--) {
      siftDown(parent, count);
    }
    for (int i = count; i < size; i++) {
      if (better(i, 0)) {
        swap(i, 0);
        siftDown(0, count);
      }
    }
    for (int end = count - 1; end > 0; end--) {
      swap(0, end);
      siftDown(0, end);
    }
    sorted = count;
  }

  /** Restores the heap (the worst on top) of the first {@code end} below {@code parent}. */
  private void siftDown(int parent, int end) {
    int top = parent;
    while (2 * top + 1 < end) {
      int child = 2 * top + 1;
      if (child + 1 < end && better(child, child + 1)) {
        child++;
      }
      if (!better(top, child)) {
        return;
      }
      swap(top, child);
      top = child;
    }
  }

  private boolean better(int a, int b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && ids[a] < ids[b]);
  }

  private void swap(int a, int b) {
    float logit = logits[a];
    logits[a] = logits[b];
    logits[b] = logit;
    int id = ids[a];
    ids[a] = ids[b];
    ids[b] = id;
  }
}
