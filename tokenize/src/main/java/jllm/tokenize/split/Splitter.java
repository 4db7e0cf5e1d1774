package jllm.tokenize.split;

/**
 * Cuts UTF-8 into contiguous pieces: every byte belongs to one. Immutable and thread-safe; this is
 * how the scanners of the well-known patterns look.
 */
@FunctionalInterface
public interface Splitter {

  /**
   * The end of the piece that begins at {@code from}.
   *
   * @param utf8 valid UTF-8
   * @param from the start of the text or the end of the previous piece
   * @param end one past the last byte of the text; {@code from < end}
   * @return a position after {@code from}, at most {@code end}
   */
  int next(byte[] utf8, int from, int end);
}
