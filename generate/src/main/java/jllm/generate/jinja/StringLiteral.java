package jllm.generate.jinja;

/** The escapes of Python's string literals. */
final class StringLiteral {
  private StringLiteral() {}

  /** The text that the inside of a literal stands for. */
  static String unescape(String literal, int line) {
    if (literal.indexOf('\\') < 0) {
      return literal;
    }
    StringBuilder out = new StringBuilder();
    int i = 0;
    while (i < literal.length()) {
      char c = literal.charAt(i++);
      if (c != '\\' || i == literal.length()) {
        out.append(c);
        continue;
      }
      char escape = literal.charAt(i++);
      switch (escape) {
        case '\n' -> {}
        case '\\', '\'', '"' -> out.append(escape);
        case 'a' -> out.append('\u0007');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'n' -> out.append('\n');
        case 'r' -> out.append('\r');
        case 't' -> out.append('\t');
        case 'v' -> out.append('\u000b');
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int end = i;
          while (end < Math.min(literal.length(), i + 2) && isOctal(literal.charAt(end))) {
            end++;
          }
          out.append((char) Integer.parseInt(literal.substring(i - 1, end), 8));
          i = end;
        }
        case 'x' -> i = hex(literal, i, 2, out, line);
        case 'u' -> i = hex(literal, i, 4, out, line);
        case 'U' -> i = hex(literal, i, 8, out, line);
        case 'N' -> i = named(literal, i, out, line);
        default -> out.append('\\').append(escape);
      }
    }
    return out.toString();
  }

  private static boolean isOctal(char c) {
    return c >= '0' && c <= '7';
  }

  private static int hex(String literal, int start, int digits, StringBuilder out, int line) {
    int end = start;
    while (end < Math.min(literal.length(), start + digits)
        && Character.digit(literal.charAt(end), 16) >= 0) {
      end++;
    }
    if (end - start < digits) {
      throw new TemplateSyntaxException("truncated escape sequence in a string", line);
    }
    long point = Long.parseLong(literal.substring(start, end), 16);
    if (point > Character.MAX_CODE_POINT) {
      throw new TemplateSyntaxException("illegal Unicode character", line);
    }
    out.appendCodePoint((int) point);
    return end;
  }

  private static int named(String literal, int start, StringBuilder out, int line) {
    int end = literal.indexOf('}', start);
    if (end < 0 || literal.charAt(start) != '{') {
      throw new TemplateSyntaxException("malformed \\N character escape", line);
    }
    try {
      out.appendCodePoint(Character.codePointOf(literal.substring(start + 1, end)));
    } catch (IllegalArgumentException e) {
      throw new TemplateSyntaxException("unknown Unicode character name", line);
    }
    return end + 1;
  }
}
