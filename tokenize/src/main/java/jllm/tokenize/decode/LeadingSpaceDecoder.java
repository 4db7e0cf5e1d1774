package jllm.tokenize.decode;

import java.util.function.Consumer;

/**
 * SentencePiece's way with the space that it puts before a text: the first token loses one. Where
 * repeated spaces are removed in encoding, so does each further token until there is text.
 *
 * @param space the character that stands for a space
 * @param repeatedly whether further tokens lose theirs too
 */
public record LeadingSpaceDecoder(int space, boolean repeatedly) implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private boolean atStart = true;

      @Override
      public void accept(String token) {
        if (!atStart || token.isEmpty()) {
          next.accept(token);
          return;
        }
        String text =
            token.codePointAt(0) == space ? token.substring(Character.charCount(space)) : token;
        atStart = repeatedly && text.isEmpty();
        next.accept(text);
      }

      @Override
      public void finish() {}
    };
  }
}
