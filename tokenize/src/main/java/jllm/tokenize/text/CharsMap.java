package jllm.tokenize.text;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jllm.tokenize.TokenizerFormatException;

/**
 * SentencePiece's compiled normalization rules ({@code precompiled_charsmap}): a uint32 with the
 * size of a double array in bytes, the array (Darts-clone's units of 32 bits), and the
 * replacements, each ended by a zero byte, little-endian throughout. The trie's values are
 * positions in the replacements. Immutable.
 */
public final class CharsMap {

  private final byte[] source;
  private final int[] units;
  private final byte[] replacements;

  /**
   * @throws TokenizerFormatException if the bytes are no such map
   */
  public CharsMap(byte[] bytes) {
    source = bytes.clone();
    ByteBuffer in = ByteBuffer.wrap(source).order(ByteOrder.LITTLE_ENDIAN);
    int size = in.remaining() < 4 ? -1 : in.getInt();
    if (size < 4 || size % 4 != 0 || size > in.remaining()) {
      throw new TokenizerFormatException(
          "the precompiled character map is damaged: "
              + bytes.length
              + " bytes with a trie of "
              + size
              + "; expected a multiple of 4 that fits");
    }
    units = new int[size / 4];
    for (int i = 0; i < units.length; i++) {
      units[i] = in.getInt();
    }
    replacements = new byte[in.remaining()];
    in.get(replacements);
    int bad = Utf8.firstInvalid(replacements, 0, replacements.length);
    if (bad >= 0) {
      throw new TokenizerFormatException(
          "the precompiled character map is damaged: byte "
              + bad
              + " of its replacements is not UTF-8");
    }
  }

  /** The bytes that it was made from. */
  public byte[] toBytes() {
    return source.clone();
  }

  /** A rule that matched. */
  public static final class Match {
    /** How many bytes it replaces; 0 if none matched. */
    public int length;

    /** Where in the replacements its text begins and ends. */
    public int from;

    public int to;
  }

  /** The bytes of all replacements. */
  public byte[] replacements() {
    return replacements;
  }

  /**
   * Finds a rule for what begins at a position.
   *
   * @param longest whether the longest of several is taken, else the shortest
   */
  public void find(byte[] text, int start, int end, boolean longest, Match match) {
    match.length = 0;
    int node = offset(unit(0));
    for (int i = start; i < end; i++) {
      int c = text[i] & 0xff;
      if (c == 0) {
        break;
      }
      node ^= c;
      int unit = unit(node);
      if ((unit & (1 << 31 | 0xff)) != c) {
        break;
      }
      node ^= offset(unit);
      if ((unit >>> 8 & 1) == 1) {
        match.length = i + 1 - start;
        match.from = unit(node) & Integer.MAX_VALUE;
        if (!longest) {
          break;
        }
      }
    }
    if (match.length > 0) {
      if (match.from > replacements.length
          || match.from < replacements.length && (replacements[match.from] & 0xc0) == 0x80) {
        throw new TokenizerFormatException(
            "the precompiled character map is damaged: a rule points to byte "
                + match.from
                + " of "
                + replacements.length);
      }
      int to = match.from;
      while (to < replacements.length && replacements[to] != 0) {
        to++;
      }
      match.to = to;
    }
  }

  private int unit(int index) {
    if (index < 0 || index >= units.length) {
      throw new TokenizerFormatException(
          "the precompiled character map is damaged: unit "
              + Integer.toUnsignedString(index)
              + " of "
              + units.length);
    }
    return units[index];
  }

  private static int offset(int unit) {
    return unit >>> 10 << ((unit & 1 << 9) >>> 6);
  }
}
