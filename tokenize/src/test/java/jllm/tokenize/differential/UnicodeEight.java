package jllm.tokenize.differential;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Objects;

/**
 * The characters that Unicode 8 assigned (DerivedAge.txt): the tables in the native library are
 * older than the JDK's, and both know these.
 */
final class UnicodeEight {

  /** Characters whose script or general category has changed since. */
  private static final int[] CHANGED = {
    0x589, 0x61c, 0x953, 0x954, 0x166d, 0x1734, 0x1885, 0x1886, 0x1cf2, 0x1cf3, 0xa9bd, 0x111c9,
    0x1171e
  };

  private static final BitSet ASSIGNED = read();

  private UnicodeEight() {}

  private static BitSet read() {
    try (InputStream in =
        Objects.requireNonNull(
            UnicodeEight.class.getResourceAsStream("/jllm/tokenize/unicode-8-assigned.txt"))) {
      BitSet set = new BitSet(0x110000);
      for (String range :
          new String(in.readAllBytes(), StandardCharsets.US_ASCII).trim().split("\\s+")) {
        int dash = range.indexOf('-');
        int from = Integer.parseInt(dash < 0 ? range : range.substring(0, dash), 16);
        int to = dash < 0 ? from : Integer.parseInt(range.substring(dash + 1), 16);
        set.set(from, to + 1);
      }
      for (int changed : CHANGED) {
        set.clear(changed);
      }
      return set;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static boolean has(int cp) {
    return ASSIGNED.get(cp);
  }

  /** The text without the characters that came later. */
  static String only(String text) {
    StringBuilder s = new StringBuilder(text.length());
    text.codePoints().filter(UnicodeEight::has).forEach(s::appendCodePoint);
    return s.toString();
  }
}
