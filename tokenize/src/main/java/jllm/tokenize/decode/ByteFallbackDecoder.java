package jllm.tokenize.decode;

import java.util.function.Consumer;
import jllm.tokenize.text.ByteToken;

/**
 * Tokens spelled {@code <0x41>} become their bytes. Characters are handed on as soon as they are
 * complete; bytes that are no character become U+FFFD.
 */
public record ByteFallbackDecoder() implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private final CharacterAssembler bytes = new CharacterAssembler();

      @Override
      public void accept(String token) {
        int b = ByteToken.byteOf(token);
        if (b >= 0) {
          hand(bytes.accept(new byte[] {(byte) b}));
        } else {
          hand(bytes.finish());
          next.accept(token);
        }
      }

      @Override
      public void finish() {
        hand(bytes.finish());
      }

      private void hand(String text) {
        if (!text.isEmpty()) {
          next.accept(text);
        }
      }
    };
  }
}
