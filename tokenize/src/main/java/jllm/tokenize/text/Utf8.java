package jllm.tokenize.text;

import java.nio.charset.StandardCharsets;

/** UTF-8 as the Unicode standard (chapter 3, table 3-7) defines it. */
public final class Utf8 {

  /** Stands for bytes that are no character. */
  public static final int REPLACEMENT = 0xfffd;

  private Utf8() {}

  /** The UTF-8 bytes of a text. An unpaired surrogate, which no UTF-8 can hold, becomes U+FFFD. */
  public static byte[] bytes(CharSequence text) {
    String s = text.toString();
    byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
    if (bytes.length != s.length() && hasLoneSurrogate(s)) {
      return repairSurrogates(s).getBytes(StandardCharsets.UTF_8);
    }
    // A lone surrogate becomes one '?': the lengths agree, but only if nothing else is not ASCII.
    if (bytes.length == s.length() && hasLoneSurrogate(s, bytes)) {
      return repairSurrogates(s).getBytes(StandardCharsets.UTF_8);
    }
    return bytes;
  }

  private static boolean hasLoneSurrogate(String s, byte[] bytes) {
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '?' && s.charAt(i) != '?') {
        return true;
      }
    }
    return false;
  }

  private static boolean hasLoneSurrogate(String s) {
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (Character.isSurrogate(c)) {
        if (Character.isLowSurrogate(c)
            || i + 1 == s.length()
            || !Character.isLowSurrogate(s.charAt(i + 1))) {
          return true;
        }
        i++;
      }
    }
    return false;
  }

  private static String repairSurrogates(String s) {
    StringBuilder b = new StringBuilder(s.length());
    s.codePoints()
        .forEach(cp -> b.appendCodePoint(cp >= 0xd800 && cp <= 0xdfff ? REPLACEMENT : cp));
    return b.toString();
  }

  /** The number of bytes of a character. */
  public static int size(int codePoint) {
    return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  }

  /** The number of bytes of the character that begins with this byte of valid UTF-8. */
  public static int sizeOf(byte lead) {
    return lead >= 0 ? 1 : (lead & 0xff) < 0xe0 ? 2 : (lead & 0xff) < 0xf0 ? 3 : 4;
  }

  /** The character at a position of valid UTF-8. */
  public static int codePoint(byte[] utf8, int i) {
    int b = utf8[i];
    if (b >= 0) {
      return b;
    }
    if ((b & 0xff) < 0xe0) {
      return (b & 0x1f) << 6 | utf8[i + 1] & 0x3f;
    }
    if ((b & 0xff) < 0xf0) {
      return (b & 0x0f) << 12 | (utf8[i + 1] & 0x3f) << 6 | utf8[i + 2] & 0x3f;
    }
    return (b & 0x07) << 18
        | (utf8[i + 1] & 0x3f) << 12
        | (utf8[i + 2] & 0x3f) << 6
        | utf8[i + 3] & 0x3f;
  }

  /** The position of the character before a position of valid UTF-8. */
  public static int previous(byte[] utf8, int i) {
    do {
      i--;
    } while ((utf8[i] & 0xc0) == 0x80);
    return i;
  }

  /** The position of the first byte that belongs to no character, or -1 if all is valid. */
  public static int firstInvalid(byte[] utf8, int start, int end) {
    int i = start;
    while (i < end) {
      int n = wellFormed(utf8, i, end);
      if (n <= 0) {
        return i;
      }
      i += n;
    }
    return -1;
  }

  /**
   * Looks at the sequence that begins at a position.
   *
   * @return its length if it is a character; otherwise the negated length of the part to be
   *     replaced by one U+FFFD (the longest beginning of a character, at least one byte)
   */
  public static int wellFormed(byte[] utf8, int i, int end) {
    int b = utf8[i];
    if (b >= 0) {
      return 1;
    }
    int lead = b & 0xff;
    if (lead < 0xc2 || lead > 0xf4) {
      return -1;
    }
    int size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    int low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    int high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (int k = 1; k < size; k++) {
      int next = i + k < end ? utf8[i + k] & 0xff : 0;
      if (next < low || next > high) {
        return -k;
      }
      low = 0x80;
      high = 0xbf;
    }
    return size;
  }
}
