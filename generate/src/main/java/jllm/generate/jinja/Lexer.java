package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens, with {@code trim_blocks} (the line break after a block goes) and
 * {@code lstrip_blocks} (so do spaces before a block that begins a line) on.
 */
final class Lexer {
  private static final int FLAGS = Pattern.DOTALL;
  // The characters that Python's \s means.
  private static final String SPACE =
      "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";

  private static final Pattern BEGIN =
      Pattern.compile(
          "(?<raw>\\{%(?<rawSign>[-+]?)S*rawS*(?:-%\\}S*|%\\}))|(?<tag>\\{[%{#])(?<sign>[-+]?)"
              .replace("S*", SPACE + "*"),
          FLAGS);
  private static final Pattern RAW_END =
      pattern("\\{%([-+]?)S*endrawS*(?:\\+%\\}|-%\\}S*|%\\}\\n?)");
  private static final Pattern COMMENT_END = pattern("\\+#\\}|-#\\}S*|#\\}\\n?");
  private static final Pattern BLOCK_END = pattern("\\+%\\}|-%\\}S*|%\\}\\n?");
  private static final Pattern PRINT_END = pattern("-\\}\\}S*|\\}\\}");
  private static final Pattern SPACES = pattern("SS*");
  private static final Pattern FLOAT =
      Pattern.compile(
          "(?<!\\.)(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+\\-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile(
          "0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\\da-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*");
  private static final Pattern NAME = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern STRING =
      Pattern.compile("'(?:[^'\\\\]++|\\\\.)*+'|\"(?:[^\"\\\\]++|\\\\.)*+\"", FLAGS);
  private static final Pattern OPERATOR =
      Pattern.compile("//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}><=.:|,;]");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int position;
  private int line = 1;
  private boolean lineStarts = true;

  private Lexer(String source) {
    this.source = source;
  }

  private static Pattern pattern(String regex) {
    return Pattern.compile(regex.replace("SS*", SPACE + "+").replace("S*", SPACE + "*"), FLAGS);
  }

  /** The tokens of a template; the last one is {@link Token.Kind#END}. */
  static List<Token> tokens(String template) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    if (source.endsWith("\n")) {
      source = source.substring(0, source.length() - 1);
    }
    return new Lexer(source).run();
  }

  private List<Token> run() {
    while (position < source.length()) {
      Matcher begin = BEGIN.matcher(source);
      if (!begin.find(position)) {
        data(source.substring(position));
        position = source.length();
        break;
      }
      boolean raw = begin.group("raw") != null;
      String sign = begin.group(raw ? "rawSign" : "sign");
      String tag = raw ? "raw" : begin.group("tag");
      before(source.substring(position, begin.start()), sign, tag.equals("{{"));
      int tagLine = line;
      advance(begin.end());
      switch (tag) {
        case "raw" -> raw();
        case "{#" -> {
          end(COMMENT_END, "Missing end of comment tag", tagLine);
        }
        case "{%" -> code(Token.Kind.BLOCK_BEGIN, Token.Kind.BLOCK_END, BLOCK_END, tagLine);
        default -> code(Token.Kind.PRINT_BEGIN, Token.Kind.PRINT_END, PRINT_END, tagLine);
      }
    }
    add(Token.Kind.END, "");
    return tokens;
  }

  private void add(Token.Kind kind, Object value) {
    tokens.add(new Token(kind, value, line));
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      add(Token.Kind.DATA, text);
    }
  }

  /** Adds the text before a tag, less the spaces that the tag takes away. */
  private void before(String text, String sign, boolean print) {
    data(stripped(text, sign, print));
    line += (int) text.chars().filter(c -> c == '\n').count();
    position += text.length();
  }

  private String stripped(String text, String sign, boolean print) {
    if (sign.equals("-")) {
      return Strings.stripEnd(text);
    }
    int start = text.lastIndexOf('\n') + 1;
    if (!sign.equals("+")
        && !print
        && (start > 0 || lineStarts)
        && Strings.isSpace(text.substring(start))) {
      return text.substring(0, start);
    }
    return text;
  }

  /** Goes on to a place behind the current one. */
  private String advance(int to) {
    String text = source.substring(position, to);
    line += (int) text.chars().filter(c -> c == '\n').count();
    if (!text.isEmpty()) {
      lineStarts = text.endsWith("\n");
    }
    position = to;
    return text;
  }

  private Matcher end(Pattern pattern, String missing, int tagLine) {
    Matcher end = pattern.matcher(source);
    if (!end.find(position)) {
      throw new TemplateSyntaxException(missing, tagLine);
    }
    advance(end.end());
    return end;
  }

  private void raw() {
    int start = position;
    int startLine = line;
    boolean starts = lineStarts;
    Matcher end = end(RAW_END, "Missing end of raw directive", line);
    boolean ends = lineStarts;
    lineStarts = starts;
    String text = stripped(source.substring(start, end.start()), end.group(1), false);
    lineStarts = ends;
    if (!text.isEmpty()) {
      tokens.add(new Token(Token.Kind.DATA, text, startLine));
    }
  }

  /** The expressions or statements between a pair of tags. */
  private void code(Token.Kind begin, Token.Kind end, Pattern endPattern, int tagLine) {
    tokens.add(new Token(begin, "", tagLine));
    Deque<String> open = new ArrayDeque<>();
    while (position < source.length()) {
      Matcher matcher = endPattern.matcher(source).region(position, source.length());
      if (open.isEmpty() && matcher.lookingAt()) {
        add(end, "");
        advance(matcher.end());
        return;
      }
      token(open);
    }
  }

  private void token(Deque<String> open) {
    if (matches(SPACES) > 0) {
      advance(matches(SPACES));
    } else if (matches(FLOAT) > 0) {
      int at = line;
      String digits = advance(matches(FLOAT)).replace("_", "");
      tokens.add(new Token(Token.Kind.FLOAT, Double.valueOf(digits), at));
    } else if (matches(INTEGER) > 0) {
      add(Token.Kind.INTEGER, integer(advance(matches(INTEGER)).replace("_", "")));
    } else if (matches(NAME) > 0) {
      String name = advance(matches(NAME));
      if (!Strings.isIdentifier(name)) {
        throw new TemplateSyntaxException("Invalid character in identifier", line);
      }
      add(Token.Kind.NAME, name);
    } else if (matches(STRING) > 0) {
      int at = line;
      String literal = advance(matches(STRING));
      tokens.add(
          new Token(
              Token.Kind.STRING,
              StringLiteral.unescape(literal.substring(1, literal.length() - 1), at),
              at));
    } else if (matches(OPERATOR) > 0) {
      add(Token.Kind.OPERATOR, operator(advance(matches(OPERATOR)), open));
    } else {
      throw new TemplateSyntaxException(
          "unexpected char "
              + Repr.quoted(Character.toString(source.codePointAt(position)))
              + " at "
              + source.codePointCount(0, position),
          line);
    }
  }

  /** Where the pattern ends that begins here, 0 if it does not. */
  private int matches(Pattern pattern) {
    Matcher matcher =
        pattern.matcher(source).region(position, source.length()).useTransparentBounds(true);
    return matcher.lookingAt() ? matcher.end() : 0;
  }

  private static BigInteger integer(String digits) {
    String prefix = digits.length() > 1 ? digits.substring(0, 2).toLowerCase(Locale.ROOT) : "";
    return switch (prefix) {
      case "0b" -> new BigInteger(digits.substring(2), 2);
      case "0o" -> new BigInteger(digits.substring(2), 8);
      case "0x" -> new BigInteger(digits.substring(2), 16);
      default -> new BigInteger(digits);
    };
  }

  /** Braces must be closed in order; the end of a tag inside of them is none. */
  private String operator(String operator, Deque<String> open) {
    switch (operator) {
      case "{" -> open.push("}");
      case "(" -> open.push(")");
      case "[" -> open.push("]");
      case "}", ")", "]" -> {
        if (open.isEmpty()) {
          throw new TemplateSyntaxException("unexpected '" + operator + "'", line);
        }
        String expected = open.pop();
        if (!expected.equals(operator)) {
          throw new TemplateSyntaxException(
              "unexpected '" + operator + "', expected '" + expected + "'", line);
        }
      }
      default -> {}
    }
    return operator;
  }
}
