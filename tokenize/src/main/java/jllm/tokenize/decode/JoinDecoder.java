package jllm.tokenize.decode;

import java.util.function.Consumer;

/** Joins tokens by a space: what Hugging Face's library does where a tokenizer has no decoder. */
public record JoinDecoder() implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private boolean first = true;

      @Override
      public void accept(String token) {
        next.accept(first ? token : " " + token);
        first = false;
      }

      @Override
      public void finish() {}
    };
  }
}
