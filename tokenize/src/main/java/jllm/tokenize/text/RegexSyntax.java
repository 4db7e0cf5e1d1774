package jllm.tokenize.text;

/**
 * Translates a regular expression from Oniguruma's Ruby dialect to the JDK's, where the same text
 * would mean something else.
 *
 * <ul>
 *   <li>{@code \p{Han}} and other bare scripts are {@code \p{IsHan}};
 *   <li>{@code .} is anything but a line feed, {@code $} the end of a line or of the text, {@code
 *       ^} the beginning of a line, {@code \Z} and {@code \h} differ too;
 *   <li>a space or {@code #} is always literal, and {@code &} and {@code [} inside a class mean the
 *       same in both.
 * </ul>
 */
final class RegexSyntax {

  private RegexSyntax() {}

  static String translate(String source) {
    StringBuilder out = new StringBuilder(source.length() + 16);
    int depth = 0;
    int i = 0;
    while (i < source.length()) {
      char c = source.charAt(i);
      if (c == '\\' && i + 1 < source.length()) {
        i = escape(source, i, depth > 0, out);
        continue;
      }
      if (c == '[') {
        depth++;
        out.append(c);
        i++;
        // A bracket right after the opening one is literal in Ruby, an error in Java.
        if (i < source.length() && source.charAt(i) == '^') {
          out.append('^');
          i++;
        }
        if (i < source.length() && source.charAt(i) == ']' && source.indexOf(']', i + 1) > 0) {
          out.append("\\]");
          i++;
        }
        if (source.startsWith(":", i) && depth > 1) {
          int end = source.indexOf(":]", i);
          if (end > 0) {
            out.setLength(out.length() - 1);
            out.append(posix(source.substring(i + 1, end)));
            depth--;
            i = end + 2;
          }
        }
        continue;
      }
      if (depth > 0) {
        if (c == ']') {
          depth--;
        }
        out.append(c);
        i++;
        continue;
      }
      switch (c) {
        case '.' -> out.append("[^\\n]");
        case '^' -> out.append("(?:\\A|(?<=\\n)(?!\\z))");
        case '$' -> out.append("(?=\\n|\\z)");
        default -> out.append(c);
      }
      i++;
    }
    return out.toString();
  }

  private static int escape(String s, int i, boolean inClass, StringBuilder out) {
    char c = s.charAt(i + 1);
    if ((c == 'p' || c == 'P') && i + 2 < s.length() && s.charAt(i + 2) == '{') {
      int end = s.indexOf('}', i);
      if (end > 0) {
        String name = s.substring(i + 3, end);
        boolean negated = name.startsWith("^");
        if (negated) {
          name = name.substring(1);
        }
        out.append('\\').append((c == 'P') != negated ? 'P' : 'p');
        out.append('{').append(property(name)).append('}');
        return end + 1;
      }
    }
    switch (c) {
      case 'h' -> out.append(inClass ? "0-9a-fA-F" : "[0-9a-fA-F]");
      case 'H' -> out.append("[^0-9a-fA-F]");
      case 'Z' -> out.append("(?=\\n?\\z)");
      case 'R' -> out.append("(?>\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])");
      default -> out.append('\\').append(c);
    }
    return i + 2;
  }

  /** General categories mean the same; what is none is a binary property or a script. */
  private static String property(String name) {
    if (name.length() <= 2) {
      return name;
    }
    return switch (name.toLowerCase(java.util.Locale.ROOT)) {
      case "letter" -> "L";
      case "mark" -> "M";
      case "number" -> "N";
      case "punctuation", "punct" -> "P";
      case "symbol" -> "S";
      case "separator" -> "Z";
      case "other" -> "C";
      case "alnum",
          "alpha",
          "digit",
          "lower",
          "upper",
          "space",
          "cntrl",
          "graph",
          "print",
          "blank",
          "xdigit" ->
          "Is" + posixName(name);
      default -> name.startsWith("Is") || name.startsWith("In") ? name : "Is" + name;
    };
  }

  private static String posixName(String name) {
    return switch (name.toLowerCase(java.util.Locale.ROOT)) {
      case "alpha" -> "Alphabetic";
      case "lower" -> "Lowercase";
      case "upper" -> "Uppercase";
      case "space" -> "White_Space";
      case "xdigit" -> "Hex_Digit";
      default -> name;
    };
  }

  private static String posix(String name) {
    boolean negated = name.startsWith("^");
    String n = negated ? name.substring(1) : name;
    String p =
        switch (n) {
          case "word" -> "w";
          default -> "p{" + property(n) + "}";
        };
    return "\\" + (negated ? Character.toUpperCase(p.charAt(0)) + p.substring(1) : p);
  }
}
