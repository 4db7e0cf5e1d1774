package jllm.tokenize.train;

import jllm.tokenize.corpus.CorpusListener;

/** Is told how training goes on, on the calling thread, and may cancel it. */
public interface TrainListener extends CorpusListener {

  /** Does nothing. */
  TrainListener NONE = new TrainListener() {};

  /** All words are counted; merging begins. */
  default void counted(int distinctWords, long textBytes) {}

  /** The vocabulary has {@code tokens} of {@code wanted} tokens. */
  default void merged(int tokens, int wanted) {}
}
