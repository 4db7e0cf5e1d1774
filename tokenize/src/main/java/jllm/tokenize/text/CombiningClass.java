package jllm.tokenize.text;

import java.text.Normalizer;

/**
 * Canonical combining classes. The JDK keeps its table to itself but puts marks in canonical order,
 * so a mark's class is found by where the JDK sorts it among marks whose classes are known (classes
 * never change once assigned).
 */
public final class CombiningClass {

  /** The classes in use, in order, and after each a mark that has it. */
  private static final int[] KNOWN = {
    1, 0x0334, 6, 0x16ff0, 7, 0x093c, 8, 0x3099, 9, 0x094d, 10, 0x05b0, 11, 0x05b1, 12, 0x05b2, 13,
    0x05b3, 14, 0x05b4, 15, 0x05b5, 16, 0x05b6, 17, 0x05b7, 18, 0x05b8, 19, 0x05b9, 20, 0x05bb, 21,
    0x05bc, 22, 0x05bd, 23, 0x05bf, 24, 0x05c1, 25, 0x05c2, 26, 0xfb1e, 27, 0x064b, 28, 0x064c, 29,
    0x064d, 30, 0x0618, 31, 0x0619, 32, 0x061a, 33, 0x0651, 34, 0x0652, 35, 0x0670, 36, 0x0711, 84,
    0x0c55, 91, 0x0c56, 103, 0x0e38, 107, 0x0e48, 118, 0x0eb8, 122, 0x0ec8, 129, 0x0f71, 130,
    0x0f72, 132, 0x0f74, 202, 0x0321, 214, 0x1dce, 216, 0x031b, 218, 0x1dfa, 220, 0x0316, 222,
    0x059a, 224, 0x302e, 226, 0x1d16d, 228, 0x05ae, 230, 0x0300, 232, 0x0315, 233, 0x035c, 234,
    0x035d, 240, 0x0345
  };

  private static final int BLOCK = 256;
  private static final byte[][] BLOCKS = new byte[0x110000 / BLOCK][];

  private CombiningClass() {}

  /** The class of a character that does not decompose; 0 for all but some marks. */
  public static int of(int cp) {
    if (cp < 0x300) {
      return 0;
    }
    byte[] block = BLOCKS[cp / BLOCK];
    if (block == null) {
      block = new byte[BLOCK];
      for (int i = 0; i < BLOCK; i++) {
        block[i] = (byte) find(cp / BLOCK * BLOCK + i);
      }
      BLOCKS[cp / BLOCK] = block;
    }
    return block[cp % BLOCK] & 0xff;
  }

  private static int find(int mark) {
    if (!Unicode.isMark(mark)) {
      return 0;
    }
    int last = KNOWN.length / 2 - 1;
    if (!sortedBefore(KNOWN[1], mark) && !sortedBefore(mark, KNOWN[2 * last + 1])) {
      return 0;
    }
    int low = 0;
    int high = last;
    while (low < high) {
      int middle = low + high >>> 1;
      if (sortedBefore(KNOWN[2 * middle + 1], mark)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return KNOWN[2 * low];
  }

  /** Whether {@code b} followed by {@code a} is put in the order {@code a b}. */
  private static boolean sortedBefore(int a, int b) {
    String apart = new StringBuilder().appendCodePoint(b).appendCodePoint(a).toString();
    return Normalizer.normalize(apart, Normalizer.Form.NFD).codePointAt(0) == a && a != b;
  }
}
