package jllm.tokenize.decode;

import java.util.function.Consumer;

/** Makes one token of all. */
public record FuseDecoder() implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      @Override
      public void accept(String token) {
        next.accept(token);
      }

      @Override
      public void finish() {}
    };
  }

  @Override
  public Stage beginJoined(Consumer<String> next) {
    return begin(next);
  }

  @Override
  public boolean joins() {
    return true;
  }
}
