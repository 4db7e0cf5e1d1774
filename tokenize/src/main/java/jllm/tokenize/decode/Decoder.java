package jllm.tokenize.decode;

import java.util.function.Consumer;

/**
 * Turns the texts of tokens into the text that they stand for. Immutable and thread-safe: the state
 * of one decoding lives in a {@link Stage}.
 */
public interface Decoder {

  /**
   * Begins a decoding.
   *
   * @param next takes what is decided; pieces arrive in order and their concatenation is the text
   */
  Stage begin(Consumer<String> next);

  /** One decoding. */
  interface Stage {

    /** Takes the next token's text. */
    void accept(String token);

    /** Says that no token follows: what was held back is handed on. */
    void finish();
  }
}
