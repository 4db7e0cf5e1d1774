package jllm.generate.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Python's strings: sequences of code points, with Python's idea of spaces, lines and case. */
final class Strings {
  /** No text of a template may become longer. */
  static final int LONGEST = 1 << 26;

  private Strings() {}

  static boolean isSpace(int point) {
    return point <= ' '
        ? point == ' ' || point >= '\t' && point <= '\r' || point >= 0x1c && point <= 0x1f
        : point == 0x85 || Character.isSpaceChar(point);
  }

  /** Whether the text is of spaces, at least one. */
  static boolean isSpace(String text) {
    return !text.isEmpty() && text.codePoints().allMatch(Strings::isSpace);
  }

  static boolean isPrintable(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> point == ' ';
      default -> true;
    };
  }

  static boolean isIdentifier(String text) {
    return !text.isEmpty()
        && (text.charAt(0) == '_' || Character.isUnicodeIdentifierStart(text.codePointAt(0)))
        && text.codePoints()
            .allMatch(
                p -> Character.isUnicodeIdentifierPart(p) && !Character.isIdentifierIgnorable(p));
  }

  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** The order of code points. */
  static int compare(String left, String right) {
    int[] a = left.codePoints().toArray();
    int[] b = right.codePoints().toArray();
    return java.util.Arrays.compare(a, b);
  }

  static String strip(String text, @Nullable String chars) {
    return stripStart(stripEnd(text, chars), chars);
  }

  static String stripEnd(String text) {
    return stripEnd(text, null);
  }

  static String stripEnd(String text, @Nullable String chars) {
    IntPredicate goes = stripped(chars);
    int end = text.length();
    while (end > 0 && goes.test(text.codePointBefore(end))) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(0, end);
  }

  static String stripStart(String text, @Nullable String chars) {
    IntPredicate goes = stripped(chars);
    int start = 0;
    while (start < text.length() && goes.test(text.codePointAt(start))) {
      start += Character.charCount(text.codePointAt(start));
    }
    return text.substring(start);
  }

  private static IntPredicate stripped(@Nullable String chars) {
    return chars == null ? Strings::isSpace : point -> chars.indexOf(point) >= 0;
  }

  /** A text some times over. */
  static String repeat(String text, long times) {
    if (times <= 0) {
      return "";
    }
    if (text.length() * times > LONGEST || times > LONGEST) {
      throw new TemplateException("a text would have more than " + LONGEST + " characters");
    }
    return text.repeat((int) times);
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  /** The first character in title case, the rest in lower case. */
  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.codePointAt(0));
    return titled(text.codePointAt(0))
        + lower(text).substring(lower(text.substring(0, first)).length());
  }

  private static String titled(int point) {
    int title = Character.toTitleCase(point);
    String upper = upper(Character.toString(point));
    return title == point && length(upper) > 1
        ? upper.substring(0, 1) + lower(upper.substring(1))
        : Character.toString(title);
  }

  /** Each run of cased letters as a word. */
  static String title(String text) {
    StringBuilder out = new StringBuilder();
    boolean inWord = false;
    for (int i = 0; i < text.length(); ) {
      int point = text.codePointAt(i);
      i += Character.charCount(point);
      out.append(inWord ? lower(Character.toString(point)) : titled(point));
      inWord = isCased(point);
    }
    return out.toString();
  }

  static boolean isCased(int point) {
    return Character.isUpperCase(point)
        || Character.isLowerCase(point)
        || Character.isTitleCase(point);
  }

  static String swapCase(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(p -> {
          String c = Character.toString(p);
          out.append(Character.isUpperCase(p) ? lower(c) : Character.isLowerCase(p) ? upper(c) : c);
        });
    return out.toString();
  }

  private static boolean isLineBreak(char c) {
    return c >= '\n' && c <= '\r'
        || c >= 0x1c && c <= 0x1e
        || c == 0x85
        || c == 0x2028
        || c == 0x2029;
  }

  static List<String> lines(String text, boolean keepBreaks) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    while (start < text.length()) {
      int end = start;
      while (end < text.length() && !isLineBreak(text.charAt(end))) {
        end++;
      }
      int next = Math.min(end + 1, text.length());
      if (next < text.length() && text.charAt(end) == '\r' && text.charAt(next) == '\n') {
        next++;
      }
      lines.add(text.substring(start, keepBreaks ? next : end));
      start = next;
    }
    return lines;
  }

  /**
   * Parts between separators.
   *
   * @param separator absent = runs of spaces, none of which begin or end a text
   * @param most how often to split, negative = always
   */
  static List<String> split(String text, @Nullable String separator, int most) {
    List<String> parts = new ArrayList<>();
    if (separator == null) {
      String rest = stripStart(text, null);
      while (!rest.isEmpty()) {
        if (parts.size() == most) {
          parts.add(rest);
          break;
        }
        int end = 0;
        while (end < rest.length() && !isSpace(rest.charAt(end))) {
          end++;
        }
        parts.add(rest.substring(0, end));
        rest = stripStart(rest.substring(end), null);
      }
      return parts;
    }
    int start = 0;
    int at = text.indexOf(separator);
    while (at >= 0 && parts.size() != most) {
      parts.add(text.substring(start, at));
      start = at + separator.length();
      at = text.indexOf(separator, start);
    }
    parts.add(text.substring(start));
    return parts;
  }

  /** As {@link #split}, from the end. */
  static List<String> splitFromEnd(String text, @Nullable String separator, int most) {
    List<String> parts = new ArrayList<>();
    String rest = separator == null ? stripEnd(text) : text;
    while (separator != null || !rest.isEmpty()) {
      int at = -1;
      int end = -1;
      if (parts.size() != most) {
        if (separator == null) {
          end = rest.length();
          at = end;
          while (at > 0 && !isSpace(rest.charAt(at - 1))) {
            at--;
          }
        } else {
          at = rest.lastIndexOf(separator);
          end = at;
        }
      }
      if (at < 0 || separator == null && at == 0) {
        parts.addFirst(rest);
        break;
      }
      parts.addFirst(rest.substring(separator == null ? at : at + separator.length()));
      rest = separator == null ? stripEnd(rest.substring(0, at)) : rest.substring(0, end);
    }
    return parts;
  }

  /** Replaces, at most some times; negative = all. */
  static String replace(String text, String old, String now, long most) {
    if (most < 0 && !old.isEmpty()) {
      return text.replace(old, now);
    }
    StringBuilder out = new StringBuilder();
    int start = 0;
    long count = 0;
    while (most < 0 || count < most) {
      int at = old.isEmpty() ? (count == 0 ? start : next(text, start)) : text.indexOf(old, start);
      if (at < 0) {
        break;
      }
      out.append(text, start, at).append(now);
      start = at + old.length();
      count++;
    }
    return out.append(text, start, text.length()).toString();
  }

  /** The place behind the character at a place, -1 at the end. */
  private static int next(String text, int at) {
    return at >= text.length() ? -1 : at + Character.charCount(text.codePointAt(at));
  }

  /**
   * Makes a text at least so wide, the greater half of the fill to the left if the width is odd.
   */
  static String center(String text, long width, String fill) {
    long missing = width - length(text);
    if (missing <= 0) {
      return text;
    }
    long left = missing / 2 + (missing & width & 1);
    return repeat(fill, left) + text + repeat(fill, missing - left);
  }
}
