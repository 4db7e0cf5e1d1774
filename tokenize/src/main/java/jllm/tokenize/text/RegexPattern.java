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
      throw new IllegalArgumentException(
          "the regular expression '" + source + "' is not understood: " + e.getDescription(), e);
    }
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
