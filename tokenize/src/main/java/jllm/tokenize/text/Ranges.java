package jllm.tokenize.text;

import java.util.Arrays;

/** A growing list of ranges of a text. Reused; not thread-safe. */
public final class Ranges {

  private int[] starts = new int[64];
  private int[] ends = new int[64];
  private int size;

  public void clear() {
    size = 0;
  }

  public void add(int start, int end) {
    if (size == starts.length) {
      starts = Arrays.copyOf(starts, size * 2);
      ends = Arrays.copyOf(ends, size * 2);
    }
    starts[size] = start;
    ends[size++] = end;
  }

  public int size() {
    return size;
  }

  public int start(int i) {
    return starts[i];
  }

  public int end(int i) {
    return ends[i];
  }
}
