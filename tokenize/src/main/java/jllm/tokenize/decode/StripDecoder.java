package jllm.tokenize.decode;

import java.util.function.Consumer;

/**
 * Takes a character away at the ends of each token.
 *
 * @param content the character
 * @param start how many at most at the beginning
 * @param stop how many at most at the end
 */
public record StripDecoder(int content, int start, int stop) implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      @Override
      public void accept(String token) {
        next.accept(strip(token));
      }

      @Override
      public void finish() {}
    };
  }

  private String strip(String token) {
    int[] chars = token.codePoints().toArray();
    int from = 0;
    while (from < chars.length && from < start && chars[from] == content) {
      from++;
    }
    int to = chars.length;
    for (int n = 0; n < stop && to > from && chars[to - 1] == content; n++) {
      to--;
    }
    return new String(chars, from, to - from);
  }

  @Override
  public Stage beginJoined(Consumer<String> next) {
    if (stop > 0) {
      return Decoder.super.beginJoined(next);
    }
    return new Stage() {
      private int left = start;

      @Override
      public void accept(String token) {
        int i = 0;
        while (left > 0 && i < token.length()) {
          int cp = token.codePointAt(i);
          if (cp != content) {
            left = 0;
            break;
          }
          i += Character.charCount(cp);
          left--;
        }
        if (i < token.length()) {
          next.accept(token.substring(i));
        }
      }

      @Override
      public void finish() {}
    };
  }
}
