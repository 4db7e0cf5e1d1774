package jllm.tokenize.train;

import java.util.Arrays;

/**
 * GPT-2's visible stand-ins for the 256 bytes: printable Latin-1 characters stand for themselves,
 * the others for the code points from 256 on, in order. A vocabulary is written in them, and they
 * are numbered by code point.
 */
final class ByteAlphabet {
  private static final char[] CHARS = new char[256];
  private static final int[] BYTES = new int[256 + 68];

  /** The 256 bytes in the order of their characters' code points. */
  private static final int[] BY_CODE_POINT = new int[256];

  static {
    Arrays.fill(BYTES, -1);
    char next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      CHARS[b] = printable ? (char) b : next++;
      BYTES[CHARS[b]] = b;
    }
    int n = 0;
    for (int b : BYTES) {
      if (b >= 0) {
        BY_CODE_POINT[n++] = b;
      }
    }
  }

  private ByteAlphabet() {}

  static char toChar(int b) {
    return CHARS[b & 0xff];
  }

  /** The byte at a rank in the order of the characters' code points. */
  static int byCodePoint(int rank) {
    return BY_CODE_POINT[rank];
  }

  static String toText(byte[] bytes) {
    char[] text = new char[bytes.length];
    for (int i = 0; i < text.length; i++) {
      text[i] = CHARS[bytes[i] & 0xff];
    }
    return new String(text);
  }
}
