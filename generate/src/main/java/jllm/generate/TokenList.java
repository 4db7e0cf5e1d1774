package jllm.generate;

import java.util.Arrays;

/** A growing list of tokens. */
final class TokenList {
  private int[] tokens = new int[64];
  private int size;

  void add(int token) {
    if (size == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * size);
    }
    tokens[size++] = token;
  }

  void addAll(int[] more, int from, int count) {
    for (int i = 0; i < count; i++) {
      add(more[from + i]);
    }
  }

  int get(int index) {
    return tokens[index];
  }

  int size() {
    return size;
  }

  /** Drops all from {@code newSize} on. */
  void truncate(int newSize) {
    size = Math.min(size, newSize);
  }

  int[] toArray() {
    return Arrays.copyOf(tokens, size);
  }
}
