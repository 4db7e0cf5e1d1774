package jllm.tokenize.model;

/** Turns a piece of text into tokens. Immutable and thread-safe; its encoders are not. */
public interface Model {

  /** A new encoder, with caches and scratch of its own, for one thread. */
  PieceEncoder newEncoder();
}
