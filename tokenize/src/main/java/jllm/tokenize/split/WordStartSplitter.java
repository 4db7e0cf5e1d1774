package jllm.tokenize.split;

import jllm.tokenize.text.Utf8;

/**
 * Cuts before each run of a marker such as U+2581: where nothing merges across that place the
 * tokens are the same as those of the whole text, and words repeat where texts do not.
 */
public final class WordStartSplitter implements Splitter {

  private final int marker;
  private final byte first;

  /**
   * @param marker the character that begins a word
   */
  public WordStartSplitter(int marker) {
    this.marker = marker;
    this.first = Utf8.bytes(Character.toString(marker))[0];
  }

  @Override
  public int next(byte[] t, int from, int end) {
    int i = from;
    while (i < end && t[i] == first && Utf8.codePoint(t, i) == marker) {
      i += Utf8.size(marker);
    }
    while (i < end && !(t[i] == first && Utf8.codePoint(t, i) == marker)) {
      i += Utf8.sizeOf(t[i]);
    }
    return i;
  }
}
