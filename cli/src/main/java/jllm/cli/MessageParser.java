package jllm.cli;

import java.util.List;
import org.jline.reader.CompletingParsedLine;
import org.jline.reader.EOFError;
import org.jline.reader.ParsedLine;
import org.jline.reader.Parser;

/**
 * Where a message ends: with the line, unless a backslash ends that; when messages have several
 * lines, with an empty one. For completion a line has two words: a command, and all that follows.
 */
final class MessageParser implements Parser {
  private boolean multiline;

  /** Changes whether messages have several lines; says whether they do now. */
  boolean toggleMultiline() {
    multiline = !multiline;
    return multiline;
  }

  /** Whether the message is not complete. */
  static boolean goesOn(String text, boolean multiline) {
    if (text.endsWith("\\")) {
      return true;
    }
    return multiline && !text.isBlank() && !SlashCommands.isCommand(text) && !text.endsWith("\n");
  }

  /** The message without the backslashes that made it go on. */
  static String message(String text) {
    String joined = text.replace("\\\n", "\n");
    return joined.endsWith("\\") ? joined.substring(0, joined.length() - 1) : joined;
  }

  @Override
  public ParsedLine parse(String line, int cursor, ParseContext context) {
    if (context == ParseContext.ACCEPT_LINE && goesOn(line, multiline)) {
      throw new EOFError(-1, cursor, "the message goes on");
    }
    int space = line.indexOf(' ');
    if (!SlashCommands.isCommand(line) || space < 0 || cursor <= space) {
      return new Words(line, cursor, List.of(line), 0, 0);
    }
    int start = space;
    while (start < line.length() && line.charAt(start) == ' ') {
      start++;
    }
    String command = line.substring(0, space);
    return cursor < start
        ? new Words(line, cursor, List.of(command, ""), 1, cursor)
        : new Words(line, cursor, List.of(command, line.substring(start)), 1, start);
  }

  private record Words(String line, int cursor, List<String> words, int wordIndex, int start)
      implements CompletingParsedLine {
    @Override
    public String word() {
      return words.get(wordIndex);
    }

    @Override
    public int wordCursor() {
      return cursor - start;
    }

    @Override
    public CharSequence escape(CharSequence candidate, boolean complete) {
      return candidate;
    }

    @Override
    public int rawWordCursor() {
      return wordCursor();
    }

    @Override
    public int rawWordLength() {
      return word().length();
    }
  }
}
