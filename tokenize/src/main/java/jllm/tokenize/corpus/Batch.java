package jllm.tokenize.corpus;

/**
 * Work for one thread: segments of text end to end, each a document or a part of one.
 *
 * @param text valid UTF-8
 * @param ends where each segment ends; the first begins at 0
 * @param lasts whether each segment is the last of its document; it may be empty
 * @param count of segments
 * @param position how many bytes of the corpus, as it lies on disk, had been read
 */
public record Batch(byte[] text, int[] ends, boolean[] lasts, int count, long position) {

  /** Where a segment begins. */
  public int start(int segment) {
    return segment == 0 ? 0 : ends[segment - 1];
  }

  /** The bytes of all segments. */
  public int bytes() {
    return count == 0 ? 0 : ends[count - 1];
  }
}
