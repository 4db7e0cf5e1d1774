package jllm.tokenize.corpus;

/** Is told how work on a corpus goes on, on the reading thread, and may cancel it. */
public interface CorpusListener {

  /**
   * Bytes of the corpus, as it lies on disk, have been read.
   *
   * @param total of all inputs, or -1 where that is not known
   */
  default void read(long bytes, long total) {}

  /** A broken document was left out. */
  default void skipped(String message) {}

  /** Asked now and then; true ends the work, which throws a CancellationException. */
  default boolean cancelled() {
    return false;
  }
}
