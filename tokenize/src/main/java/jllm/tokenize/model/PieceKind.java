package jllm.tokenize.model;

/** What a piece of a SentencePiece vocabulary is for. */
public enum PieceKind {
  /** Text. */
  NORMAL,
  /** Text that is found wherever it stands and takes part in nothing else. */
  USER_DEFINED,
  /** Text that may be put together but is taken apart again in the end. */
  UNUSED,
  /** No text: BOS, EOS, the unknown token, bytes. */
  APART
}
