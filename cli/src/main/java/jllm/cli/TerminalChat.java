package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jline.terminal.Terminal;
import org.jspecify.annotations.Nullable;

/** A chat with a person at a terminal. */
final class TerminalChat {
  private final Terminal terminal;
  private final Streams streams;
  private final JllmHome home;
  private final Map<String, String> environment;
  private final boolean quiet;

  TerminalChat(
      Terminal terminal,
      Streams streams,
      JllmHome home,
      Map<String, String> environment,
      boolean quiet) {
    this.environment = environment;
    this.terminal = terminal;
    this.streams = streams;
    this.home = home;
    this.quiet = quiet;
  }

  /**
   * Runs the chat until the person leaves.
   *
   * @param model is closed at the end, or the one it was changed for
   * @return the exit code
   */
  int run(ChatModel model, ChatModel.Setup setup, ChatSettings settings, String system)
      throws IOException {
    boolean colours = ChatTerminal.hasColours(terminal.getType(), environment);
    ChatView view = new TerminalChatView(terminal, colours, quiet);
    @Nullable Path history = TerminalLines.writableHistory(home, view);
    Path last = history == null ? null : home.lastSession();
    try (Chat chat = new Chat(model, setup, settings, view, last)) {
      chat.talk().setSystem(system);
      // While a line is typed the reader handles this itself.
      terminal.handle(Terminal.Signal.INT, _ -> chat.cancel());
      if (!quiet) {
        view.say(model.describe());
        view.say(
            "/help lists the commands"
                + (last != null && Files.exists(last) ? ", /load goes on with the last talk" : ""));
      }
      LineSource lines =
          new TerminalLines(terminal, new ChatCompleter(home, settings), history);
      return new Repl(chat, lines, home, new ErrorReporter(streams.err()), true).run();
    }
  }
}
