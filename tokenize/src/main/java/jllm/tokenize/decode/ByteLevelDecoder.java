package jllm.tokenize.decode;

import java.util.function.Consumer;
import jllm.tokenize.text.ByteAlphabet;

/**
 * Tokens that spell bytes in the byte alphabet; a token with any other character stands for itself.
 * Characters are handed on as soon as they are complete.
 */
public record ByteLevelDecoder() implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private final CharacterAssembler bytes = new CharacterAssembler();

      @Override
      public void accept(String token) {
        String text = bytes.accept(ByteAlphabet.decodeOrText(token));
        if (!text.isEmpty()) {
          next.accept(text);
        }
      }

      @Override
      public void finish() {
        String text = bytes.finish();
        if (!text.isEmpty()) {
          next.accept(text);
        }
      }
    };
  }

  @Override
  public boolean joins() {
    return true;
  }
}
