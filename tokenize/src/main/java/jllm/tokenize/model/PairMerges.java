package jllm.tokenize.model;

/**
 * Merges as a list of pairs of ids, the first the most urgent: what Hugging Face's files hold. An
 * open-addressing table over packed pairs.
 */
final class PairMerges implements MergeRule {

  private static final long EMPTY = -1;

  private final long[] keys;
  private final long[] values;
  private final int mask;

  /**
   * @param pairs left id in the upper half, right id in the lower, in order of rank
   * @param results the id that each becomes
   */
  PairMerges(long[] pairs, int[] results) {
    int capacity = Integer.highestOneBit(Math.max(4, pairs.length * 2 - 1)) * 2;
    keys = new long[capacity];
    values = new long[capacity];
    java.util.Arrays.fill(keys, EMPTY);
    mask = capacity - 1;
    for (int rank = 0; rank < pairs.length; rank++) {
      int slot = slot(pairs[rank]);
      while (keys[slot] != EMPTY && keys[slot] != pairs[rank]) {
        slot = slot + 1 & mask;
      }
      // Of equal pairs the last counts, as in a map that is filled in this order.
      keys[slot] = pairs[rank];
      values[slot] = (long) rank << 32 | results[rank];
    }
  }

  static long pair(int left, int right) {
    return (long) left << 32 | right;
  }

  private int slot(long pair) {
    long h = pair * 0x9e3779b97f4a7c15L;
    return (int) (h ^ h >>> 32) & mask;
  }

  @Override
  public long find(byte[] text, int start, int end, int left, int right) {
    long pair = pair(left, right);
    int slot = slot(pair);
    while (true) {
      long key = keys[slot];
      if (key == pair) {
        return values[slot];
      }
      if (key == EMPTY) {
        return NONE;
      }
      slot = slot + 1 & mask;
    }
  }
}
