package jllm.cli;

import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jllm.cli.SlashCommand.Argument;
import org.jline.utils.Levenshtein;

/** All commands of the chat. A new one is a line here and a method elsewhere. */
final class SlashCommands {
  private static final Pattern COMMAND = Pattern.compile("(/[a-z?]+)(?:\\s+(.*))?", Pattern.DOTALL);
  private static final int NARROW = 60;
  private static final int MOST_TYPOS = 2;

  static final List<SlashCommand> ALL =
      List.of(
          command("/help", "", Argument.NONE, "this list", SlashCommands::help),
          command(
              "/system",
              "[TEXT|-]",
              Argument.TEXT,
              "say what the model is to be; - for nothing",
              TalkCommands::system),
          command(
              "/set",
              "[NAME VALUE]",
              Argument.SETTING,
              "show or change how answers are drawn",
              ModelCommands::set),
          command("/temp", "T", Argument.TEXT, "the same as /set temp", ModelCommands::temperature),
          command(
              "/model",
              "[MODEL]",
              Argument.MODEL,
              "show the model, or go on with another one",
              ModelCommands::model),
          command(
              "/lora",
              "[PATH[:SCALE]]",
              Argument.FILE,
              "show adapters, add one, or change its scale; - for none",
              ModelCommands::lora),
          command(
              "/clear",
              "",
              Argument.NONE,
              "begin anew, the system message stays",
              TalkCommands::clear),
          command("/undo", "", Argument.NONE, "take back the last message", TalkCommands::undo),
          command("/regen", "", Argument.NONE, "another answer", TalkCommands::regenerate),
          command(
              "/edit",
              "",
              Argument.NONE,
              "change the last message in $EDITOR and send it again",
              TalkCommands::edit),
          command("/save", "FILE", Argument.FILE, "keep this talk in a file", TalkCommands::save),
          command(
              "/load",
              "[FILE]",
              Argument.FILE,
              "go on with a talk that was kept, or with the last one",
              TalkCommands::load),
          command(
              "/read",
              "FILE",
              Argument.FILE,
              "put the text of a file before your next message",
              TalkCommands::read),
          command(
              "/tokens",
              "[TEXT]",
              Argument.TEXT,
              "the tokens of a text, or how many each message has",
              ModelCommands::tokens),
          command(
              "/context",
              "",
              Argument.NONE,
              "how much of the context is used",
              ModelCommands::context),
          command("/stats", "", Argument.NONE, "times and speeds", ModelCommands::stats),
          command(
              "/multiline",
              "",
              Argument.NONE,
              "messages have several lines, an empty one sends them",
              TalkCommands::multiline),
          command("/exit", "", Argument.NONE, "leave (or Ctrl-D)", (repl, _) -> repl.leave()));

  private static final Map<String, String> ALIASES =
      Map.of("/?", "/help", "/quit", "/exit", "/bye", "/exit", "/temperature", "/temp");

  private SlashCommands() {}

  private static SlashCommand command(
      String name, String usage, Argument argument, String summary, SlashCommand.Action action) {
    return new SlashCommand(name, usage, argument, summary, action);
  }

  /** Whether a message is a command: a slash and a word at its beginning. */
  static boolean isCommand(String message) {
    return COMMAND.matcher(message).matches();
  }

  /** The command of a name. */
  static Optional<SlashCommand> find(String name) {
    String real = ALIASES.getOrDefault(name, name);
    return ALL.stream().filter(command -> command.name().equals(real)).findFirst();
  }

  /**
   * Runs a message that is a command.
   *
   * @throws UsageException if there is no such command, or it cannot be used so
   */
  static void run(Repl repl, String message) throws IOException {
    Matcher matcher = COMMAND.matcher(message);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(message);
    }
    String argument = matcher.group(2) == null ? "" : matcher.group(2).strip();
    SlashCommand command = find(matcher.group(1)).orElseThrow(() -> unknown(matcher.group(1)));
    if (command.argument() == Argument.NONE && !argument.isEmpty()) {
      throw new UsageException(
          command.name() + " takes nothing behind it, found '" + argument + "'");
    }
    command.action().run(repl, argument);
  }

  private static UsageException unknown(String name) {
    String nearest =
        ALL.stream()
            .map(SlashCommand::name)
            .min(Comparator.comparingInt(other -> distance(name, other)))
            .orElseThrow();
    String suggestion =
        distance(name, nearest) <= MOST_TYPOS ? "; did you mean " + nearest + "?" : "";
    return new UsageException(
        "there is no command "
            + name
            + suggestion
            + " (/help lists all; a space before it sends it)");
  }

  private static int distance(String typed, String name) {
    return name.startsWith(typed) ? 0 : Levenshtein.distance(typed, name);
  }

  private static void help(Repl repl, String argument) throws IOException {
    ChatView view = repl.chat().view();
    StringBuilder lines = new StringBuilder();
    boolean narrow = view.width() < NARROW;
    for (SlashCommand command : ALL) {
      String call = command.name() + (command.usage().isEmpty() ? "" : " " + command.usage());
      lines.append(
          narrow
              ? call
                  + "\n    "
                  + Visible.wrapped(command.summary(), view.width() - 4).replace("\n", "\n    ")
                  + "\n"
              : "%-22s %s%n".formatted(call, command.summary()));
    }
    lines.append(
        Visible.wrapped(
            """
            A line that ends with \\ goes on in the next; pasted lines stay together.
            Ctrl-C stops an answer or clears the line, Ctrl-D leaves, Tab completes.\
            """,
            view.width()));
    view.show(lines.toString());
  }
}
