package jllm.tokenize.decode;

/** Words apart by a space, the parts of a word together. */
public final class WordPieceDecoder extends TokenDecoder {

  private final String prefix;
  private final boolean cleanup;

  /**
   * @param prefix marks tokens that go on in a word
   * @param cleanup whether spaces before punctuation and in contractions are taken away
   */
  public WordPieceDecoder(String prefix, boolean cleanup) {
    this.prefix = prefix;
    this.cleanup = cleanup;
  }

  public String prefix() {
    return prefix;
  }

  public boolean cleanup() {
    return cleanup;
  }

  @Override
  String decode(String token, boolean first) {
    String text = token;
    if (!first) {
      text = token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
    }
    return cleanup ? clean(text) : text;
  }

  static String clean(String text) {
    return text.replace(" .", ".")
        .replace(" ?", "?")
        .replace(" !", "!")
        .replace(" ,", ",")
        .replace(" ' ", "'")
        .replace(" n't", "n't")
        .replace(" 'm", "'m")
        .replace(" do not", " don't")
        .replace(" 's", "'s")
        .replace(" 've", "'ve")
        .replace(" 're", "'re");
  }
}
