package jllm.tokenize.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The alphabet in which byte-level vocabularies spell bytes (openai/gpt-2, encoder.py): printable
 * Latin-1 characters stand for themselves, the others are moved up from U+0100 in order.
 */
public final class ByteAlphabet {

  private static final char[] CHARS = new char[256];
  private static final short[] BYTES = new short[0x144];

  static {
    Arrays.fill(BYTES, (short) -1);
    int moved = 0;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
      CHARS[b] = (char) (printable ? b : 0x100 + moved++);
      BYTES[CHARS[b]] = (short) b;
    }
  }

  private ByteAlphabet() {}

  /** The character that stands for a byte. */
  public static char toChar(int b) {
    return CHARS[b & 0xff];
  }

  /** The byte that a character stands for, or -1. */
  public static int toByte(int c) {
    return c < BYTES.length ? BYTES[c] : -1;
  }

  /** The bytes that a token spells, or null if it has a character outside the alphabet. */
  public static byte @Nullable [] decode(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      int b = toByte(token.charAt(i));
      if (b < 0) {
        return null;
      }
      bytes[i] = (byte) b;
    }
    return bytes;
  }

  /** The bytes that a token spells; one with a character outside the alphabet stands for itself. */
  public static byte[] decodeOrText(String token) {
    byte[] bytes = decode(token);
    return bytes == null ? token.getBytes(StandardCharsets.UTF_8) : bytes;
  }

  /** How bytes are spelled. */
  public static String encode(byte[] bytes) {
    char[] chars = new char[bytes.length];
    for (int i = 0; i < chars.length; i++) {
      chars[i] = toChar(bytes[i]);
    }
    return new String(chars);
  }
}
