package jllm.tokenize.decode;

import java.util.function.Consumer;
import jllm.tokenize.text.LiteralPattern;
import org.jspecify.annotations.Nullable;

/** A suffix that ends words becomes a space, except at the end of the text. */
public record BpeDecoder(String suffix) implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private @Nullable String last;

      @Override
      public void accept(String token) {
        if (last != null) {
          next.accept(LiteralPattern.replace(last, suffix, " "));
        }
        last = token;
      }

      @Override
      public void finish() {
        if (last != null) {
          next.accept(last.replace(suffix, ""));
          last = null;
        }
      }
    };
  }
}
