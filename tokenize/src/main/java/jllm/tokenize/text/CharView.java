package jllm.tokenize.text;

/**
 * A range of UTF-8 decoded to UTF-16 for engines that read nothing else, with the way back from
 * each char to its byte. Reused; not thread-safe.
 */
public final class CharView implements CharSequence {

  private char[] chars = new char[256];
  private int[] positions = new int[257];
  private int length;

  void decode(byte[] utf8, int start, int end) {
    if (end - start >= positions.length) {
      int capacity = Math.max(end - start, chars.length + (chars.length >> 1));
      chars = new char[capacity];
      positions = new int[capacity + 1];
    }
    int n = 0;
    int i = start;
    while (i < end) {
      int b = utf8[i];
      if (b >= 0) {
        positions[n] = i++;
        chars[n++] = (char) b;
        continue;
      }
      int cp = Utf8.codePoint(utf8, i);
      int size = Utf8.size(cp);
      positions[n] = i;
      if (cp < 0x10000) {
        chars[n++] = (char) cp;
      } else {
        chars[n++] = Character.highSurrogate(cp);
        positions[n] = i;
        chars[n++] = Character.lowSurrogate(cp);
      }
      i += size;
    }
    positions[n] = end;
    length = n;
  }

  /** The byte position at which the char at {@code index} begins; the end for the length. */
  public int position(int index) {
    return positions[index];
  }

  @Override
  public int length() {
    return length;
  }

  @Override
  public char charAt(int index) {
    return chars[index];
  }

  @Override
  public CharSequence subSequence(int start, int end) {
    return new String(chars, start, end - start);
  }

  @Override
  public String toString() {
    return new String(chars, 0, length);
  }
}
