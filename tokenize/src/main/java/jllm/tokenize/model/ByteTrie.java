package jllm.tokenize.model;

import java.util.Arrays;

/**
 * A double-array trie over byte sequences: one step costs two array reads. Node 0 is the root.
 * Immutable.
 */
public final class ByteTrie {

  private static final int FREE = -1;

  // A child by byte c of a node s is at base[s] + c + 1; base[s] itself holds the value of s, if
  // any.
  private int[] base = new int[1024];
  private int[] check = new int[1024];
  private int firstFree = 1;
  private final byte[][] keys;
  private final Integer[] order;

  /**
   * @param keys by id; empty ones are left out, of equal ones the last counts
   */
  public ByteTrie(byte[][] keys) {
    this.keys = keys;
    Arrays.fill(check, FREE);
    check[0] = 0;
    int count = 0;
    order = new Integer[keys.length];
    for (int id = 0; id < keys.length; id++) {
      if (keys[id].length > 0) {
        order[count++] = id;
      }
    }
    Arrays.sort(order, 0, count, (a, b) -> Arrays.compareUnsigned(keys[a], keys[b]));
    if (count > 0) {
      build(0, 0, count, 0);
    }
    int used = base.length;
    while (used > 1 && check[used - 1] == FREE) {
      used--;
    }
    // Steps may look up to 256 beyond the last node.
    base = Arrays.copyOf(base, used + 257);
    int[] c = new int[used + 257];
    Arrays.fill(c, FREE);
    System.arraycopy(check, 0, c, 0, used);
    check = c;
  }

  /**
   * Lays out the children of a node: the keys from {@code low} to {@code high} agree up to depth.
   */
  private void build(int node, int low, int high, int depth) {
    int most = Math.min(257, high - low);
    int[] labels = new int[most];
    int[] starts = new int[most + 1];
    int n = 0;
    int i = low;
    while (i < high) {
      byte[] key = keys[order[i]];
      int label = key.length == depth ? 0 : (key[depth] & 0xff) + 1;
      labels[n] = label;
      starts[n++] = i;
      while (i < high
          && (keys[order[i]].length == depth ? 0 : (keys[order[i]][depth] & 0xff) + 1) == label) {
        i++;
      }
    }
    starts[n] = high;
    int b = place(labels, n);
    base[node] = b;
    for (int k = 0; k < n; k++) {
      check[b + labels[k]] = node;
    }
    for (int k = 0; k < n; k++) {
      if (labels[k] == 0) {
        base[b] = order[starts[k + 1] - 1];
      } else {
        build(b + labels[k], starts[k], starts[k + 1], depth + 1);
      }
    }
  }

  /** Finds a base at which all the labels are free. */
  private int place(int[] labels, int n) {
    while (firstFree < check.length && check[firstFree] != FREE) {
      firstFree++;
    }
    int tried = 0;
    for (int at = Math.max(firstFree, labels[0] + 1); ; at++) {
      int b = at - labels[0];
      ensure(b + 258);
      if (check[at] != FREE) {
        continue;
      }
      boolean fits = true;
      for (int k = 1; k < n && fits; k++) {
        fits = check[b + labels[k]] == FREE;
      }
      if (fits) {
        return b;
      }
      // Where many places are tried in vain the beginning is too full to be tried again.
      if (++tried > 64) {
        firstFree = Math.max(firstFree, at - 64);
      }
    }
  }

  private void ensure(int size) {
    if (size > check.length) {
      int old = check.length;
      int capacity = Math.max(size, old + (old >> 1));
      base = Arrays.copyOf(base, capacity);
      check = Arrays.copyOf(check, capacity);
      Arrays.fill(check, old, capacity, FREE);
    }
  }

  /** The child of a node, or -1. */
  public int step(int node, byte b) {
    int t = base[node] + (b & 0xff) + 1;
    return check[t] == node ? t : -1;
  }

  /** The id of the key that ends at a node, or -1. */
  public int value(int node) {
    int t = base[node];
    return check[t] == node ? base[t] : -1;
  }
}
