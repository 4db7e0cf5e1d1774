package jllm.generate.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Lines of at most a width, as Python's {@code textwrap} breaks them. */
final class WordWrap {
  private static final Pattern SPACES =
      Pattern.compile("[\\t\\n\\x0b\\f\\r ]+|[^\\t\\n\\x0b\\f\\r ]+");

  /** Words with hyphens fall apart behind them; dashes between words are chunks of their own. */
  private static final Pattern HYPHENS =
      Pattern.compile(
          "[\\t\\n\\x0b\\f\\r"
              + " ]+|(?<=[\\w!\"'&.,?])-{2,}(?=\\w)|[^\\t\\n\\x0b\\f\\r"
              + " ]+?(?:-(?:(?<=[^\\d\\W]{2}-)|(?<=[^\\d\\W]-[^\\d\\W]-))(?=[^\\d\\W]-?[^\\d\\W])|(?=[\\t\\n\\x0b\\f\\r"
              + " ]|\\z)|(?<=[\\w!\"'&.,?])(?=-{2,}\\w))",
          Pattern.UNICODE_CHARACTER_CLASS);

  private final int width;
  private final boolean breakLong;
  private final boolean breakHyphens;

  private WordWrap(int width, boolean breakLong, boolean breakHyphens) {
    this.width = width;
    this.breakLong = breakLong;
    this.breakHyphens = breakHyphens;
  }

  static Object filter(Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind(
            "do_wordwrap", 0, "width", "break_long_words", "wrapstring", "break_on_hyphens");
    int width = Numbers.size(bound.get(0, Numbers.integer(79)));
    if (width <= 0) {
      throw new TemplateException("invalid width " + width + " (must be > 0)");
    }
    Undefined.refuse(value);
    if (!Values.isString(value)) {
      throw new TemplateException(
          "'" + Values.typeName(value) + "' object has no attribute 'splitlines'");
    }
    WordWrap wrap =
        new WordWrap(width, Values.truth(bound.get(1, true)), Values.truth(bound.get(3, true)));
    Object given = bound.get(2, None.NONE);
    String lineBreak = given == None.NONE ? "\n" : Repr.str(given);
    List<String> paragraphs = new ArrayList<>();
    for (String line : Strings.lines(Values.text(value), false)) {
      paragraphs.add(String.join(lineBreak, wrap.lines(line)));
    }
    return String.join(lineBreak, paragraphs);
  }

  private List<String> lines(String text) {
    Deque<String> chunks = new ArrayDeque<>();
    Matcher matcher = (breakHyphens ? HYPHENS : SPACES).matcher(text);
    while (matcher.find()) {
      chunks.add(matcher.group());
    }
    List<String> lines = new ArrayList<>();
    while (!chunks.isEmpty()) {
      if (!lines.isEmpty() && chunks.element().isBlank()) {
        chunks.remove();
      }
      List<String> line = line(chunks);
      if (!line.isEmpty() && line.getLast().isBlank()) {
        line.removeLast();
      }
      if (!line.isEmpty()) {
        lines.add(String.join("", line));
      }
    }
    return lines;
  }

  private List<String> line(Deque<String> chunks) {
    List<String> line = new ArrayList<>();
    int length = 0;
    while (!chunks.isEmpty() && length + Strings.length(chunks.element()) <= width) {
      length += Strings.length(chunks.element());
      line.add(chunks.remove());
    }
    if (!chunks.isEmpty() && Strings.length(chunks.element()) > width) {
      if (breakLong) {
        String chunk = chunks.remove();
        int end = chunk.offsetByCodePoints(0, Math.max(1, width - length));
        if (breakHyphens) {
          int hyphen = chunk.lastIndexOf('-', end - 1);
          if (hyphen > 0 && chunk.substring(0, hyphen).chars().anyMatch(c -> c != '-')) {
            end = hyphen + 1;
          }
        }
        line.add(chunk.substring(0, end));
        chunks.addFirst(chunk.substring(end));
      } else if (line.isEmpty()) {
        line.add(chunks.remove());
      }
    }
    return line;
  }
}
