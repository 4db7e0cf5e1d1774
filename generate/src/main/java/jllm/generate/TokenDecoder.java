package jllm.generate;

/** Turns tokens into text as they come. */
public interface TokenDecoder {

  /** The whole characters that this token completes, possibly none. */
  String push(int token);

  /** What is left of a character that was never completed, replaced by U+FFFD. */
  String rest();
}
