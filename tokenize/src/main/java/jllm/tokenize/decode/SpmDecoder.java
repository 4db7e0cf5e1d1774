package jllm.tokenize.decode;

import java.util.function.Consumer;

/**
 * SentencePiece's tokens: U+2581 is a space, {@code <0x41>} a byte, and where a space was put
 * before the text it is taken away again.
 *
 * @param stripSpace whether a space at the beginning of the text is taken away
 */
public record SpmDecoder(boolean stripSpace) implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private final CharacterAssembler bytes = new CharacterAssembler();
      private boolean first = stripSpace;

      @Override
      public void accept(String token) {
        int b = ByteFallback.byteOf(token);
        if (b >= 0) {
          first = false;
          hand(bytes.accept(new byte[] {(byte) b}));
          return;
        }
        hand(bytes.finish());
        String text = token.replace('\u2581', ' ');
        if (first && text.startsWith(" ")) {
          text = text.substring(1);
        }
        first = false;
        hand(text);
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
