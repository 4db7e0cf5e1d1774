package jllm.tokenize.decode;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jllm.tokenize.text.Utf8;

/**
 * Puts characters together from bytes that come in parts. Bytes that are no character become
 * U+FFFD, one for each longest beginning of a character.
 */
final class CharacterAssembler {

  private byte[] buffer = new byte[64];
  private int size;

  /** Takes more bytes; returns the characters that are complete now. */
  String accept(byte[] bytes) {
    append(bytes);
    int whole = size - incompleteTail();
    String text = decode(whole);
    System.arraycopy(buffer, whole, buffer, 0, size - whole);
    size -= whole;
    return text;
  }

  /** Says that no byte follows; returns what is left. */
  String finish() {
    String text = decode(size);
    size = 0;
    return text;
  }

  /** The JDK would make one U+FFFD of more than that, as of the two bytes ED A0. */
  private String decode(int length) {
    int bad = Utf8.firstInvalid(buffer, 0, length);
    if (bad < 0) {
      return new String(buffer, 0, length, StandardCharsets.UTF_8);
    }
    StringBuilder text = new StringBuilder();
    int at = 0;
    while (bad >= 0) {
      text.append(new String(buffer, at, bad - at, StandardCharsets.UTF_8)).append('\ufffd');
      at = bad - Utf8.wellFormed(buffer, bad, length);
      bad = Utf8.firstInvalid(buffer, at, length);
    }
    return text.append(new String(buffer, at, length - at, StandardCharsets.UTF_8)).toString();
  }

  private void append(byte[] bytes) {
    if (size + bytes.length > buffer.length) {
      buffer = Arrays.copyOf(buffer, Math.max(size + bytes.length, buffer.length * 2));
    }
    System.arraycopy(bytes, 0, buffer, size, bytes.length);
    size += bytes.length;
  }

  /** How many bytes at the end may yet become a character. */
  private int incompleteTail() {
    for (int back = 1; back <= Math.min(3, size); back++) {
      int b = buffer[size - back] & 0xff;
      if (b >= 0xc0) {
        // A lead byte: what follows it is incomplete if the replaced part reaches the end.
        boolean open = Utf8.wellFormed(buffer, size - back, size) == -back;
        return open && Utf8.sizeOf((byte) b) > back && b <= 0xf4 && b >= 0xc2 ? back : 0;
      }
      if (b < 0x80) {
        return 0;
      }
    }
    return 0;
  }
}
