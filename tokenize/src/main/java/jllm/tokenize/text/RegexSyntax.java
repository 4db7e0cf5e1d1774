package jllm.tokenize.text;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Translates a regular expression from Oniguruma's Ruby dialect (oniguruma, doc/RE), which
 * tokenizer files are written in, to the JDK's, where the same text would mean something else or
 * nothing:
 *
 * <ul>
 *   <li>properties and POSIX brackets, see {@link RegexProperties}; {@code \w} and {@code \b} take
 *       no joiners for word characters; {@code \h} is a hexadecimal digit, {@code \v} one
 *       character;
 *   <li>{@code .} is anything but a line feed, with {@code (?m)} anything; {@code ^} and {@code $}
 *       are those of lines ended by line feeds; {@code \Z} is before a last line feed;
 *   <li>{@code (?i)} in the middle holds to the end of the group, alternatives included;
 *   <li>{@code {n,m}+} and {@code {n}?} repeat what is repeated; {@code {,m}} begins at 0; a brace
 *       that is no interval is literal; comments {@code (?#...)} are left out.
 * </ul>
 */
final class RegexSyntax {

  private static final Pattern INTERVAL = Pattern.compile("\\{(\\d*)(,?)(\\d*)\\}");
  private static final Pattern OPTIONS = Pattern.compile("\\(\\?([imx]*)(-[imx]*)?([:)])");

  private final String source;
  private final StringBuilder out;
  private final Deque<Group> groups = new ArrayDeque<>();
  private int i;
  private boolean dotAll;
  // Where in the output the part begins that a quantifier would repeat, or -1.
  private int atom = -1;

  /** An open group: where it begins in the output, and what closing it restores. */
  private static final class Group {
    final int start;
    final boolean dotAll;
    int closings = 1;

    Group(int start, boolean dotAll) {
      this.start = start;
      this.dotAll = dotAll;
    }
  }

  private RegexSyntax(String source) {
    this.source = source;
    this.out = new StringBuilder(source.length() * 2);
  }

  static String translate(String source) {
    RegexSyntax t = new RegexSyntax(source);
    t.groups.push(new Group(0, false));
    t.all();
    return t.out.toString();
  }

  private void all() {
    while (i < source.length()) {
      char c = source.charAt(i);
      switch (c) {
        case '\\' -> {
          atom = out.length();
          escape();
        }
        case '[' -> {
          atom = out.length();
          characterClass();
        }
        case '(' -> open();
        case ')' -> close();
        case '|' -> {
          out.append(c);
          atom = -1;
          i++;
        }
        case '*', '+', '?', '{' -> quantifier(c);
        case '.' -> put(dotAll ? "(?s:.)" : "[^\\n]");
        case '^' -> put("(?:\\A|(?<=\\n)(?!\\z))");
        case '$' -> put("(?=\\n|\\z)");
        default -> {
          atom = out.length();
          int cp = source.codePointAt(i);
          out.appendCodePoint(cp);
          i += Character.charCount(cp);
        }
      }
    }
    out.repeat(")", groups.size() == 1 ? groups.element().closings - 1 : 0);
  }

  /** Writes what one character of the source stands for. */
  private void put(String translated) {
    atom = out.length();
    out.append(translated);
    i++;
  }

  private void open() {
    if (source.startsWith("(?#", i)) {
      int end = source.indexOf(')', i);
      i = end < 0 ? source.length() : end + 1;
      return;
    }
    Matcher options = OPTIONS.matcher(source).region(i, source.length());
    if (options.lookingAt() && !options.group().equals("(?:")) {
      boolean isolated = options.group(3).equals(")");
      if (isolated) {
        groups.element().closings++;
      } else {
        groups.push(new Group(out.length(), dotAll));
      }
      String off = options.group(2) == null ? "" : options.group(2);
      dotAll = (dotAll || options.group(1).indexOf('m') >= 0) && off.indexOf('m') < 0;
      out.append("(?")
          .append(options.group(1).replace("m", ""))
          .append(off.replace("m", "").length() > 1 ? off.replace("m", "") : "")
          .append(':');
      i = options.end();
      atom = -1;
      return;
    }
    groups.push(new Group(out.length(), dotAll));
    out.append('(');
    i++;
    atom = -1;
    if (i < source.length() && source.charAt(i) == '?') {
      // The mark that begins (?: (?= (?<= (?<name> (?> is no quantifier.
      out.append('?');
      i++;
      if (source.startsWith("<=", i) || source.startsWith("<!", i)) {
        out.append(source, i, i + 2).append(RegexProperties.LOOK_BEHIND_ALL);
        i += 2;
      }
    }
  }

  private void close() {
    i++;
    if (groups.size() == 1) {
      // Unbalanced: the JDK says so.
      out.append(')');
      return;
    }
    Group group = groups.pop();
    out.repeat(")", group.closings);
    dotAll = group.dotAll;
    atom = group.start;
  }

  private void quantifier(char c) {
    String quantifier = String.valueOf(c);
    boolean interval = c == '{';
    boolean fixed = false;
    int end = i + 1;
    if (interval) {
      Matcher m = INTERVAL.matcher(source).region(i, source.length());
      if (!m.lookingAt() || m.group(1).isEmpty() && m.group(3).isEmpty()) {
        put("\\{");
        return;
      }
      fixed = m.group(2).isEmpty();
      quantifier = "{" + (m.group(1).isEmpty() ? "0" : m.group(1)) + m.group(2) + m.group(3) + "}";
      end = m.end();
    }
    out.append(quantifier);
    i = end;
    if (i < source.length() && atom >= 0) {
      char next = source.charAt(i);
      if (next == '?' && !fixed || next == '+' && !interval) {
        out.append(next);
        i++;
      }
      if (i < source.length() && "*+?{".indexOf(source.charAt(i)) >= 0) {
        out.insert(atom, "(?:").append(')');
      }
    }
  }

  private void escape() {
    String p = propertyEscape(false);
    if (p != null) {
      out.append(p);
      return;
    }
    if (i + 1 == source.length()) {
      out.append('\\');
      i++;
      return;
    }
    char c = source.charAt(i + 1);
    int end = escapeEnd();
    String same = source.substring(i, end);
    i = end;
    out.append(
        switch (c) {
          case 'h' -> "[0-9a-fA-F]";
          case 'H' -> "[^0-9a-fA-F]";
          case 'w' -> "[" + RegexProperties.WORD_ALONE + "]";
          case 'W' -> "[^" + RegexProperties.WORD_ALONE + "]";
          case 'b' -> RegexProperties.BOUNDARY;
          case 'B' -> "(?!" + RegexProperties.BOUNDARY + ")";
          case 'Z' -> "(?=\\n?\\z)";
          case 'R' -> "(?>\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])";
          case 'N' -> "[^\\n]";
          case 'O' -> "(?s:.)";
          case 'v' -> "\\x0B";
          default -> same;
        });
  }

  /** The end of an escape that names a character or a group in braces, else of two characters. */
  private int escapeEnd() {
    char c = source.charAt(i + 1);
    if (i + 2 < source.length()) {
      char open = source.charAt(i + 2);
      char close = c == 'x' && open == '{' ? '}' : c == 'k' && open == '<' ? '>' : 0;
      int end = close == 0 ? -1 : source.indexOf(close, i);
      if (end > 0) {
        return end + 1;
      }
    }
    return i + 2;
  }

  /** A bracketed class, with the classes inside it. */
  private void characterClass() {
    out.append('[');
    i++;
    if (i < source.length() && source.charAt(i) == '^') {
      out.append('^');
      i++;
    }
    // A bracket right after the opening one is literal in Ruby, an error in Java.
    if (i < source.length() && source.charAt(i) == ']' && source.indexOf(']', i + 1) > 0) {
      out.append("\\]");
      i++;
    }
    while (i < source.length()) {
      char c = source.charAt(i);
      if (c == ']') {
        out.append(c);
        i++;
        return;
      }
      if (c == '\\') {
        escapeInClass();
      } else if (c == '[') {
        int end = source.startsWith("[:", i) ? source.indexOf(":]", i) : -1;
        String members = end < 0 ? null : RegexProperties.bracket(source.substring(i + 2, end));
        if (members != null) {
          out.append(members);
          i = end + 2;
        } else {
          characterClass();
        }
      } else {
        out.append(c);
        i++;
      }
    }
  }

  private void escapeInClass() {
    String p = propertyEscape(true);
    if (p != null) {
      out.append(p);
      return;
    }
    if (i + 1 == source.length()) {
      out.append('\\');
      i++;
      return;
    }
    char c = source.charAt(i + 1);
    int end = escapeEnd();
    String same = source.substring(i, end);
    i = end;
    out.append(
        switch (c) {
          case 'h' -> "0-9a-fA-F";
          case 'H' -> "[^0-9a-fA-F]";
          case 'w' -> RegexProperties.WORD;
          case 'W' -> "[^" + RegexProperties.WORD + "]";
          case 'b' -> "\\x08";
          case 'v' -> "\\x0B";
          default -> same;
        });
  }

  /** What a property at the present position becomes, or null if there is none. */
  private @Nullable String propertyEscape(boolean inClass) {
    char c = i + 2 < source.length() ? source.charAt(i + 1) : 0;
    int end = source.indexOf('}', i);
    if (c != 'p' && c != 'P' || source.charAt(i + 2) != '{' || end < 0) {
      return null;
    }
    String name = source.substring(i + 3, end);
    boolean negated = name.startsWith("^");
    String members = RegexProperties.property(negated ? name.substring(1) : name);
    if (!inClass && members.equals(RegexProperties.WORD)) {
      members = RegexProperties.WORD_ALONE;
    }
    i = end + 1;
    if ((c == 'P') != negated) {
      return members.startsWith("\\p{") && members.indexOf('}') == members.length() - 1
          ? "\\P" + members.substring(2)
          : "[^" + members + "]";
    }
    return inClass || members.indexOf('}') == members.length() - 1 ? members : "[" + members + "]";
  }
}
