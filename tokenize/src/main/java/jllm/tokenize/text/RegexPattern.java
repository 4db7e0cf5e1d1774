package jllm.tokenize.text;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression of the Oniguruma dialect, which tokenizer files are written in, run by the
 * JDK's engine after {@link RegexSyntax} has translated what the two spell differently.
 */
public final class RegexPattern implements TextPattern {

  private final String source;
  private final Pattern pattern;

  /**
   * @throws IllegalArgumentException if the expression is malformed or uses what the JDK's engine
   *     does not know
   */
  public RegexPattern(String source) {
    this.source = source;
    try {
      pattern = Pattern.compile(RegexSyntax.translate(source), Pattern.UNICODE_CHARACTER_CLASS);
    } catch (PatternSyntaxException e) {
      String where = e.getIndex() < 0 ? "" : " at position " + position(source, e.getIndex());
      throw new IllegalArgumentException(
          "the regular expression '"
              + source
              + "' is not understood"
              + where
              + ": "
              + e.getDescription(),
          e);
    }
  }

  /** Which character of the source, from 1 on, an index in the translated expression comes from. */
  private static int position(String source, int translated) {
    int position = 0;
    while (position < source.length()
        && RegexSyntax.translate(source.substring(0, position + 1)).length() <= translated) {
      position++;
    }
    return Math.min(position + 1, source.length());
  }

  @Override
  public void find(Workspace workspace, int start, int end, Ranges matches) {
    CharView chars = workspace.chars(start, end);
    Matcher matcher = pattern.matcher(chars);
    while (matcher.find()) {
      matches.add(chars.position(matcher.start()), chars.position(matcher.end()));
    }
  }

  @Override
  public String replaceAll(String text, String replacement) {
    return pattern.matcher(text).replaceAll(Matcher.quoteReplacement(replacement));
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public String toString() {
    return "/" + source + "/";
  }
}
