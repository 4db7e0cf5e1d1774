package jllm.tokenize.decode;

import java.util.function.Consumer;

/** A decoder that looks at each token by itself, and at whether it is the first. */
abstract class TokenDecoder implements Decoder {

  /** What a token stands for. */
  abstract String decode(String token, boolean first);

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private boolean first = true;

      @Override
      public void accept(String token) {
        next.accept(decode(token, first));
        first = false;
      }

      @Override
      public void finish() {}
    };
  }
}
