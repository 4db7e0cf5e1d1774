package jllm.tokenize.decode;

import jllm.tokenize.text.TextPattern;

/** Replaces every match of a pattern in each token. */
public final class ReplaceDecoder extends TokenDecoder {

  private final TextPattern pattern;
  private final String content;

  public ReplaceDecoder(TextPattern pattern, String content) {
    this.pattern = pattern;
    this.content = content;
  }

  public TextPattern pattern() {
    return pattern;
  }

  public String content() {
    return content;
  }

  @Override
  String decode(String token, boolean first) {
    return pattern.replaceAll(token, content);
  }
}
