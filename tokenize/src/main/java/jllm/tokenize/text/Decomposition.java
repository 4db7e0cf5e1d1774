package jllm.tokenize.text;

import java.text.Normalizer;

/**
 * Decomposition and composition of single characters by the JDK's tables, remembered block by
 * block: the JDK itself normalizes whole strings and does not say what became of what.
 */
public final class Decomposition {

  private static final int BLOCK = 128;
  private static final int[][][] CANONICAL = new int[0x110000 / BLOCK][][];
  private static final int[][][] COMPATIBLE = new int[0x110000 / BLOCK][][];
  private static final int[] ITSELF = {};

  private Decomposition() {}

  /**
   * The full decomposition of a character in canonical order.
   *
   * @return the characters, empty if it stands for itself
   */
  public static int[] of(int cp, boolean compatible) {
    if (cp < 0xa0) {
      return ITSELF;
    }
    int[][][] blocks = compatible ? COMPATIBLE : CANONICAL;
    int[][] block = blocks[cp / BLOCK];
    if (block == null) {
      block = new int[BLOCK][];
      Normalizer.Form form = compatible ? Normalizer.Form.NFKD : Normalizer.Form.NFD;
      for (int i = 0; i < BLOCK; i++) {
        int c = cp / BLOCK * BLOCK + i;
        block[i] = ITSELF;
        if (c < 0xd800 || c > 0xdfff) {
          String s = Character.toString(c);
          if (!Normalizer.isNormalized(s, form)) {
            block[i] = Normalizer.normalize(s, form).codePoints().toArray();
          }
        }
      }
      blocks[cp / BLOCK] = block;
    }
    return block[cp % BLOCK];
  }

  /** The character that two compose to, or -1. */
  public static int compose(int a, int b) {
    if (!composesBackward(b)) {
      return -1;
    }
    String pair = new StringBuilder(4).appendCodePoint(a).appendCodePoint(b).toString();
    String composed = Normalizer.normalize(pair, Normalizer.Form.NFC);
    if (composed.codePointCount(0, composed.length()) != 1) {
      return -1;
    }
    // Reordering may let the whole compose where the two do not: that is another composition.
    String apart = Normalizer.normalize(composed, Normalizer.Form.NFD);
    String whole = Normalizer.normalize(Character.toString(a), Normalizer.Form.NFD);
    return apart.equals(whole + Normalizer.normalize(Character.toString(b), Normalizer.Form.NFD))
        ? composed.codePointAt(0)
        : -1;
  }

  /** Only these are the second of a pair that composes. */
  private static boolean composesBackward(int cp) {
    return cp >= 0x300
        && (Unicode.isMark(cp)
            || cp >= 0x1161 && cp <= 0x1175
            || cp >= 0x11a8 && cp <= 0x11c2
            || cp >= 0x16d63 && cp <= 0x16d67);
  }
}
