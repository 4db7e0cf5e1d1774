package jllm.tokenize.decode;

import java.util.function.Consumer;

/**
 * Turns the texts of tokens into the text that they stand for. Decoders are chained: what one hands
 * on is a token to the next, and the concatenation of what the last hands on is the text. Immutable
 * and thread-safe: the state of one decoding lives in a {@link Stage}.
 */
public interface Decoder {

  /**
   * Begins a decoding.
   *
   * @param next takes what is decided, in order
   */
  Stage begin(Consumer<String> next);

  /**
   * Begins a decoding whose text is wanted as soon as it is certain to be text, even where what
   * follows could show that it was damaged.
   *
   * @param next takes what is decided, in order
   */
  default Stage beginStreaming(Consumer<String> next) {
    return begin(next);
  }

  /**
   * The same where the tokens that come are parts of one token: what depends on where a token
   * begins or ends then depends on where the text does. Waits for the whole text, unless a decoder
   * knows better.
   */
  default Stage beginJoined(Consumer<String> next) {
    Stage stage = begin(next);
    StringBuilder whole = new StringBuilder();
    return new Stage() {
      @Override
      public void accept(String token) {
        whole.append(token);
      }

      @Override
      public void finish() {
        stage.accept(whole.toString());
        stage.finish();
      }
    };
  }

  /** Whether what this decoder hands on are parts of one token. */
  default boolean joins() {
    return false;
  }

  /** One decoding. */
  interface Stage {

    /** Takes the next token's text. */
    void accept(String token);

    /** Says that no token follows: what was held back is handed on. */
    void finish();
  }
}
