package jllm.tokenize.corpus;

/** Receives the documents of a corpus, in order, on the reading thread. */
@FunctionalInterface
public interface DocumentSink {

  /**
   * Takes the next part of the corpus.
   *
   * @return whether to go on reading
   */
  boolean accept(Chunk chunk);

  /** A broken document was left out; the message names it and says why. */
  default void skipped(String message) {}
}
