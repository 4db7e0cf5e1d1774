package jllm.tokenize;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * The UTF-8 form of one text after the other in the same memory: where many short texts are
 * encoded, arrays of their own would be most of what is allocated. Not thread-safe.
 */
final class Utf8Buffer {

  /** Longer texts, in chars, are better converted by themselves. */
  static final int LONGEST = 1 << 16;

  private static final int MOST_BYTES_OF_A_CHAR = 3;

  private final CharsetEncoder encoder =
      StandardCharsets.UTF_8
          .newEncoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .replaceWith(new byte[] {(byte) 0xef, (byte) 0xbf, (byte) 0xbd})
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private CharBuffer chars = CharBuffer.allocate(0);
  private ByteBuffer bytes = ByteBuffer.allocate(0);

  /** Takes a text, an unpaired surrogate as U+FFFD; returns its length in bytes. */
  int fill(CharSequence text) {
    int n = text.length();
    if (n > chars.capacity()) {
      int capacity = Math.min(LONGEST, Math.max(n, 2 * chars.capacity()));
      chars = CharBuffer.allocate(capacity);
      bytes = ByteBuffer.allocate(capacity * MOST_BYTES_OF_A_CHAR);
    }
    chars.clear();
    if (text instanceof String string) {
      string.getChars(0, n, chars.array(), 0);
    } else {
      for (int i = 0; i < n; i++) {
        chars.put(i, text.charAt(i));
      }
    }
    chars.limit(n);
    bytes.clear();
    encoder.reset();
    encoder.encode(chars, bytes, true);
    encoder.flush(bytes);
    return bytes.position();
  }

  /** The array that begins with the bytes of the text. */
  byte[] bytes() {
    return bytes.array();
  }
}
