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
  private final ChatFolder folder;
  private final Map<String, String> environment;
  private final boolean quiet;

  TerminalChat(
      Terminal terminal,
      Streams streams,
      ChatFolder folder,
      Map<String, String> environment,
      boolean quiet) {
    this.environment = environment;
    this.terminal = terminal;
    this.streams = streams;
    this.folder = folder;
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
    @Nullable Path history = TerminalLines.writableHistory(folder, view);
    Path last = history == null ? null : folder.lastSession();
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
      LineSource lines = new TerminalLines(terminal, new ChatCompleter(folder, settings), history);
      return new Repl(chat, lines, folder, environment, new ErrorReporter(streams), true).run();
    }
  }
}
