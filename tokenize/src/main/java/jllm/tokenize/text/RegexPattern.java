package jllm.tokenize.text;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression of the Oniguruma dialect, which tokenizer files are written in, run by the
 * JDK's engine after {@link RegexSyntax} has translated what the two spell differently.
 */
public final class RegexPattern implements TextPattern {

  /** Enough for a group repeated ten million times. */
  private static final long DEEP_STACK = 1L << 30;

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
    if (start == end) {
      return;
    }
    CharView chars = workspace.chars(start, end);
    each(chars, (from, to) -> matches.add(chars.position(from), chars.position(to)));
  }

  @Override
  public String replaceAll(String text, String replacement) {
    StringBuilder result = new StringBuilder();
    int[] at = {0};
    each(
        text,
        (from, to) -> {
          result.append(text, at[0], from).append(replacement);
          at[0] = to;
        });
    return result.append(text, at[0], text.length()).toString();
  }

  private interface MatchConsumer {
    void accept(int from, int to);
  }

  /**
   * The matches in Oniguruma's order: none in an empty text, no empty one right after another, and
   * none inside a character. The JDK's engine recurses where a group is repeated; a text too long
   * for this thread's stack gets one with a larger stack.
   */
  private void each(CharSequence text, MatchConsumer consumer) {
    if (text.isEmpty()) {
      return;
    }
    Matcher matcher = pattern.matcher(text);
    int last = -1;
    boolean found = find(matcher, 0);
    while (found) {
      int from = matcher.start();
      int to = matcher.end();
      boolean skip = from == to && to == last;
      if (!skip) {
        consumer.accept(from, to);
        last = to;
      }
      if (from < to) {
        found = find(matcher, -1);
      } else if (to < text.length()) {
        found = find(matcher, to + Character.charCount(Character.codePointAt(text, to)));
      } else {
        return;
      }
    }
  }

  /** Finds the next match, from a position or, if that is -1, from the end of the last one. */
  private boolean find(Matcher matcher, int from) {
    int start = from >= 0 ? from : matcher.end();
    try {
      return from >= 0 ? matcher.find(from) : matcher.find();
    } catch (StackOverflowError e) {
      return findDeep(matcher, start);
    }
  }

  private boolean findDeep(Matcher matcher, int start) {
    boolean[] found = {false};
    boolean[] done = {false};
    Thread thread =
        new Thread(
            null,
            () -> {
              try {
                found[0] = matcher.find(start);
                done[0] = true;
              } catch (StackOverflowError e) {
                // Reported by the caller.
              }
            },
            "regex",
            DEEP_STACK);
    thread.start();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!done[0]) {
      throw new IllegalStateException(
          "the regular expression '"
              + source
              + "' repeats a group too often on this text for the stack; cut the text into smaller"
              + " documents");
    }
    return found[0];
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
