package jllm.tokenize;

import java.util.Arrays;
import jllm.tokenize.text.Utf8;

/** Makes valid UTF-8 of any bytes, and knows where each byte of the result came from. */
final class Utf8Repair {

  private byte[] bytes = {};
  private int[] origins = {};
  private int length;

  /** Replaces each part that is no character by U+FFFD. */
  void repair(byte[] utf8, int from, int to) {
    bytes = new byte[Math.multiplyExact(3, to - from)];
    origins = new int[bytes.length + 1];
    length = 0;
    int i = from;
    while (i < to) {
      int n = Utf8.wellFormed(utf8, i, to);
      if (n > 0) {
        for (int k = 0; k < n; k++) {
          put(utf8[i + k], i + k - from);
        }
        i += n;
      } else {
        put((byte) 0xef, i - from);
        put((byte) 0xbf, i - from);
        put((byte) 0xbd, i - from);
        i -= n;
      }
    }
    origins[length] = to - from;
  }

  private void put(byte b, int origin) {
    bytes[length] = b;
    origins[length++] = origin;
  }

  byte[] bytes() {
    return bytes;
  }

  int length() {
    return length;
  }

  /** Turns ranges of the repaired bytes into ranges of the bytes that came. */
  void mapBack(TokenBuffer tokens, int first) {
    for (int i = first; i < tokens.size(); i++) {
      int start = tokens.start(i);
      int end = tokens.end(i);
      int last = end == 0 ? 0 : end;
      while (last < length && last > 0 && origins[last] == origins[last - 1]) {
        last++;
      }
      tokens.setRange(i, origins[start], origins[last]);
    }
  }

  @Override
  public String toString() {
    return Arrays.toString(Arrays.copyOf(bytes, length));
  }
}
