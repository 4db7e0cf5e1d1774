package jllm.model;

import java.lang.foreign.MemorySegment;
import jllm.tensor.Backend;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/**
 * The keys and values of one layer of a {@link KvCache}, position by position, row by row. A layer
 * that sees all positions keeps all; one with a sliding window keeps those that the next step can
 * see, and the rows of others are used again: what is kept moves to the front when the end is
 * reached, so that attention always finds it in one piece.
 */
final class LayerCache {
  /** Positions that are given up at once where there is a choice, since the others then move. */
  private static final int SLIDE = 64;

  private final Tensor keys;
  private final Tensor values;

  /** Positions before a step that its first row sees; all if there is no window. */
  private final int seen;

  private int first;

  /**
   * @param window positions that one sees, its own included; 0 = all
   * @param capacity positions of a text
   * @param stepRows positions of a step at most
   */
  LayerCache(int columns, int window, int capacity, int stepRows, CacheTypes types, Memory memory) {
    Shape shape = Shape.of(rows(window, capacity, stepRows), columns);
    this.keys = memory.tensor(types.keys(), shape);
    this.values = memory.tensor(types.values(), shape);
    this.seen = window == 0 ? capacity : window - 1;
  }

  /** How many positions are kept at most. */
  static int rows(int window, int capacity, int stepRows) {
    return window == 0 ? capacity : (int) Math.min(capacity, window - 1L + stepRows);
  }

  Tensor keys() {
    return keys;
  }

  Tensor values() {
    return values;
  }

  /** The position in row 0. */
  int first() {
    return first;
  }

  /** Says which position is in row 0; the rows are the caller's to fill. */
  void begin(int position) {
    first = position;
  }

  /** Whether all is kept that a step at this position can see. */
  boolean reaches(int position) {
    return first == 0 || first <= position - seen;
  }

  /**
   * The row of a position, with room behind it; gives up the oldest positions where there is none.
   *
   * @param past positions before the step
   * @param count positions of the step
   */
  int place(int past, int count, Backend backend) {
    int missing = past - first + count - keys.rows();
    if (missing > 0) {
      int dropped = Math.min(Math.max(missing, SLIDE), past - seen - first);
      slide(keys, dropped, past - first, backend);
      slide(values, dropped, past - first, backend);
      first += dropped;
    }
    return past - first;
  }

  private static void slide(Tensor rows, int dropped, int end, Backend backend) {
    if (rows.isOnHost()) {
      copy(rows, dropped, rows, 0, end - dropped);
      return;
    }
    // In pieces that do not overlap where they go.
    for (int from = dropped; from < end; from += dropped) {
      int count = Math.min(dropped, end - from);
      backend.copyRows(rows, from - dropped, rows.slice(from, count));
    }
  }

  /**
   * Takes the rows of another cache of the same layer.
   *
   * @param shared positions at the beginning that both have already
   * @param length positions that the other has seen
   */
  void copy(LayerCache other, int shared, int length, Backend backend) {
    int from = first == other.first ? Math.max(0, shared - first) : 0;
    first = other.first;
    int count = length - first - from;
    if (count > 0) {
      copy(other.keys, keys, from, count, backend);
      copy(other.values, values, from, count, backend);
    }
  }

  private static void copy(Tensor from, Tensor to, int row, int count, Backend backend) {
    if (from.isOnHost()) {
      copy(from, row, to, row, count);
    } else {
      backend.copyRows(to, row, from.slice(row, count));
    }
  }

  private static void copy(Tensor from, int fromRow, Tensor to, int toRow, int count) {
    long rowBytes = from.dtype().bytes(from.columns());
    MemorySegment.copy(
        from.segment(), fromRow * rowBytes, to.segment(), toRow * rowBytes, count * rowBytes);
  }
}
