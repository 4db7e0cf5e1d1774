package jllm.cli;

/**
 * Adds colours to Markdown that arrives in pieces: headings, bold text, code. Nothing of the text
 * is changed, so that it can be copied; the result is the same wherever the pieces begin. Marks
 * whose meaning depends on what follows are held back until it comes.
 */
final class MarkdownPainter {
  private static final String ESCAPE = "\u001b[";
  private static final int MOST_HASHES = 6;
  private static final int FENCE = 3;

  private enum Style {
    PLAIN("0"),
    BOLD("1"),
    HEADING("1;35"),
    CODE("36"),
    FENCE_LINE("2");

    private final String code;

    Style(String code) {
      this.code = code;
    }
  }

  private enum Line {
    START,
    TEXT,
    HEADING,
    FENCE
  }

  private final StringBuilder out = new StringBuilder();
  private final StringBuilder held = new StringBuilder();
  private Style shown = Style.PLAIN;
  private Line line = Line.START;

  /** The character and length of the fence that opened a block, 0 outside of one. */
  private char fence;

  private int fenceLength;
  private boolean opening;
  private boolean bold;

  /** How many backticks opened a code span, 0 outside of one. */
  private int codeRun;

  private boolean escaped;
  private char before = '\n';

  /** The piece with colours, but for what is held back. */
  String paint(String piece) {
    for (int i = 0; i < piece.length(); i++) {
      char c = piece.charAt(i);
      switch (line) {
        case START -> start(c);
        case TEXT -> inline(c);
        case HEADING, FENCE -> rest(c);
      }
    }
    return taken();
  }

  /** What was held back; the colours are off behind it. */
  String finish() {
    if (line == Line.START) {
      startDecided('\n');
    }
    run('\n');
    style(Style.PLAIN);
    return taken();
  }

  private String taken() {
    String text = out.toString();
    out.setLength(0);
    return text;
  }

  /** The beginning of a line is held back while it may become a heading or fence. */
  private void start(char c) {
    int indent = indent();
    char first = indent < held.length() ? held.charAt(indent) : 0;
    int marks = held.length() - indent;
    boolean grows =
        first == 0
            ? c == ' ' || c == '#' || c == '`' || c == '~'
            : c == first && (c != '#' || marks < MOST_HASHES);
    if (grows) {
      held.append(c);
    } else {
      startDecided(c);
      switch (line) {
        case TEXT -> inline(c);
        default -> rest(c);
      }
    }
  }

  private int indent() {
    int indent = 0;
    while (indent < held.length() && held.charAt(indent) == ' ') {
      indent++;
    }
    return indent;
  }

  /** Decides what a line is, once the character behind the marks at its start is known. */
  private void startDecided(char next) {
    String text = held.toString();
    int indent = indent();
    int marks = text.length() - indent;
    char first = marks > 0 ? text.charAt(indent) : 0;
    boolean fenceMark = first != 0 && first != '#' && marks >= FENCE;
    if (fence != 0) {
      boolean closes = fenceMark && first == fence && marks >= fenceLength;
      line = closes ? Line.FENCE : Line.TEXT;
      opening = false;
    } else if (fenceMark) {
      line = Line.FENCE;
      opening = true;
      fence = first;
      fenceLength = marks;
    } else {
      line = first == '#' && next == ' ' ? Line.HEADING : Line.TEXT;
    }
    held.setLength(0);
    if (line == Line.TEXT) {
      text.chars().forEach(c -> inline((char) c));
    } else {
      emit(text, line == Line.HEADING ? Style.HEADING : Style.FENCE_LINE);
      before = ' ';
    }
  }

  /** The rest of a heading or fence line. */
  private void rest(char c) {
    if (c == '\n') {
      if (line == Line.FENCE && !opening) {
        fence = 0;
      }
      newLine();
    } else {
      if (opening && c == '`' && fence == '`' && line == Line.FENCE) {
        // An opening fence has no backticks behind it: this was code within a line.
        fence = 0;
        opening = false;
        line = Line.TEXT;
      }
      emit(String.valueOf(c), line == Line.HEADING ? Style.HEADING : Style.FENCE_LINE);
    }
  }

  private void newLine() {
    emit("\n", Style.PLAIN);
    line = Line.START;
    opening = false;
    bold = false;
    codeRun = 0;
    escaped = false;
    before = '\n';
  }

  private void inline(char c) {
    if (fence != 0) {
      if (c == '\n') {
        newLine();
      } else {
        emit(String.valueOf(c), Style.CODE);
      }
      return;
    }
    boolean mark = !escaped && (c == '`' || (c == '*' && codeRun == 0));
    if (!held.isEmpty() && (!mark || held.charAt(0) != c)) {
      run(c);
    }
    if (mark) {
      held.append(c);
      return;
    }
    escaped = c == '\\' && !escaped && codeRun == 0;
    if (c == '\n') {
      newLine();
    } else {
      emit(String.valueOf(c), inlineStyle());
      before = c;
    }
  }

  private Style inlineStyle() {
    return codeRun > 0 ? Style.CODE : bold ? Style.BOLD : Style.PLAIN;
  }

  /** A run of backticks or asterisks is complete. */
  private void run(char next) {
    if (held.isEmpty()) {
      return;
    }
    String marks = held.toString();
    held.setLength(0);
    if (marks.charAt(0) == '`') {
      boolean opens = codeRun == 0;
      boolean closes = codeRun == marks.length();
      codeRun = opens ? marks.length() : codeRun;
      emit(marks, Style.CODE);
      codeRun = closes ? 0 : codeRun;
    } else {
      boolean two = marks.length() >= 2;
      boolean closes = two && bold && !Character.isWhitespace(before);
      bold |= two && !Character.isWhitespace(next);
      emit(marks, inlineStyle());
      bold &= !closes;
    }
    before = marks.charAt(0);
  }

  private void emit(String text, Style style) {
    style(style);
    out.append(text);
  }

  private void style(Style style) {
    if (style != shown) {
      if (shown != Style.PLAIN) {
        out.append(ESCAPE).append("0m");
      }
      if (style != Style.PLAIN) {
        out.append(ESCAPE).append(style.code).append('m');
      }
      shown = style;
    }
  }
}
