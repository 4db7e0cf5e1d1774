package jllm.cli;

import java.io.IOError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jline.reader.Completer;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jspecify.annotations.Nullable;

/** Messages typed on a terminal: edited, completed, and remembered in a history. */
final class TerminalLines implements LineSource {
  private static final String PROMPT = "> ";
  private static final String NEXT_LINE = ". ";
  private static final int HISTORY_LINES = 2000;

  private final LineReader reader;
  private final MessageParser parser = new MessageParser();

  /**
   * @param history where lines are kept, absent = nowhere
   */
  TerminalLines(Terminal terminal, Completer completer, @Nullable Path history) {
    reader =
        LineReaderBuilder.builder()
            .terminal(terminal)
            .parser(parser)
            .completer(completer)
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .option(LineReader.Option.HISTORY_TIMESTAMPED, false)
            .variable(LineReader.SECONDARY_PROMPT_PATTERN, NEXT_LINE)
            .variable(LineReader.HISTORY_SIZE, HISTORY_LINES)
            .variable(LineReader.HISTORY_FILE_SIZE, HISTORY_LINES)
            .build();
    if (history != null) {
      reader.setVariable(LineReader.HISTORY_FILE, history);
    }
  }

  /** The history's file, absent if it cannot be written, which is told. */
  static @Nullable Path writableHistory(ChatFolder folder, ChatView view) throws IOException {
    Path file = folder.history();
    try {
      ChatFolder.makeFolder(file);
      if (!Files.exists(file)) {
        Files.createFile(file, ChatFolder.forOwner(file, "rw-------"));
      }
      if (Files.isRegularFile(file) && Files.isWritable(file)) {
        return file;
      }
      view.say("warning: " + file + " cannot be written; what you type is not remembered");
    } catch (IOException e) {
      view.say(
          "warning: " + ErrorReporter.describe(e) + "; neither the talk nor what you type is kept");
    }
    return null;
  }

  @Override
  public @Nullable String next() {
    try {
      return MessageParser.message(reader.readLine(PROMPT));
    } catch (UserInterruptException cleared) {
      return "";
    } catch (EndOfFileException end) {
      return null;
    } catch (IOError gone) {
      // The terminal has vanished.
      return null;
    }
  }

  @Override
  public boolean toggleMultiline() {
    return parser.toggleMultiline();
  }
}
