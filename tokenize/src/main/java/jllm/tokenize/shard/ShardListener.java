package jllm.tokenize.shard;

import jllm.tokenize.corpus.CorpusListener;

/** Is told how the writing of shards goes on, on the calling thread, and may cancel it. */
public interface ShardListener extends CorpusListener {

  /** Does nothing. */
  ShardListener NONE = new ShardListener() {};

  /** Tokens have been written. */
  default void wrote(long tokens) {}
}
