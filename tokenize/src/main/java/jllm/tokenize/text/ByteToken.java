package jllm.tokenize.text;

/** Tokens that stand for one byte, spelled {@code <0x41>}. */
public final class ByteToken {

  private static final String HEX = "0123456789abcdef";

  private ByteToken() {}

  /** The byte of such a token, or -1 if it is none. */
  public static int byteOf(String token) {
    if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
      return -1;
    }
    int high = HEX.indexOf(Character.toLowerCase(token.charAt(3)));
    int low = HEX.indexOf(Character.toLowerCase(token.charAt(4)));
    return high < 0 || low < 0 ? -1 : high << 4 | low;
  }

  /** The token of a byte. */
  public static String of(int b) {
    return String.format("<0x%02X>", b & 0xff);
  }
}
