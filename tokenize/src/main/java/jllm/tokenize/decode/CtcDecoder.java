package jllm.tokenize.decode;

import java.util.function.Consumer;
import jllm.tokenize.text.LiteralPattern;
import org.jspecify.annotations.Nullable;

/**
 * Connectionist temporal classification: repeated tokens count once, padding is nothing.
 *
 * @param pad the padding
 * @param delimiter stands between words
 * @param cleanup whether spaces before punctuation are taken away and delimiters become spaces
 */
public record CtcDecoder(String pad, String delimiter, boolean cleanup) implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private @Nullable String last;

      @Override
      public void accept(String token) {
        if (token.equals(last)) {
          return;
        }
        last = token;
        String text = token.replace(pad, "");
        if (cleanup) {
          text = LiteralPattern.replace(WordPieceDecoder.clean(text), delimiter, " ");
        }
        if (!text.isEmpty()) {
          next.accept(text);
        }
      }

      @Override
      public void finish() {}
    };
  }
}
