package jllm.cli;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import jllm.generate.chat.ChatSession;
import jllm.generate.chat.Message;

/** Commands about the messages of a talk. */
final class TalkCommands {
  private static final long MOST_BYTES = 16 << 20;

  private TalkCommands() {}

  static void system(Repl repl, String text) throws IOException {
    ChatSession talk = repl.chat().talk();
    if (text.isEmpty()) {
      repl.chat().view().say(talk.system().orElse("there is no system message"));
    } else {
      talk.setSystem(text.equals("-") ? "" : text);
    }
  }

  static void clear(Repl repl, String none) throws IOException {
    repl.chat().talk().clear();
    repl.chat().detach();
    repl.chat().view().say("the talk begins anew");
  }

  static void undo(Repl repl, String none) throws IOException {
    Optional<String> text = repl.chat().talk().undo();
    repl.chat()
        .view()
        .say(
            text.map(taken -> "taken back: " + shortened(taken))
                .orElse("there is nothing to take back"));
    repl.chat().save();
  }

  static void regenerate(Repl repl, String none) throws IOException {
    requireMessage(repl.chat().talk());
    repl.chat().regenerate();
  }

  private static void requireMessage(ChatSession talk) {
    if (talk.last("user").isEmpty()) {
      throw new UsageException("there is no message yet");
    }
  }

  static void edit(Repl repl, String none) throws IOException {
    ChatSession talk = repl.chat().talk();
    requireMessage(talk);
    String before = talk.last("user").map(message -> String.valueOf(message.content())).orElse("");
    String after = new TextEditor(repl.environment()).edit(before).strip();
    if (after.isEmpty() || after.equals(before.strip())) {
      repl.chat().view().say("nothing was changed, and nothing sent");
      return;
    }
    List<Message> all = talk.messages();
    talk.undo();
    try {
      repl.chat().view().show("> " + Visible.of(after));
      repl.chat().ask(after);
    } finally {
      if (talk.last("user").map(Message::content).filter(after::equals).isEmpty()) {
        talk.restore(all);
      }
    }
  }

  static void save(Repl repl, String name) throws IOException {
    if (name.isEmpty()) {
      throw new UsageException("/save needs the name of a file, such as /save talk.json");
    }
    Path file = ChatFolder.typed(name);
    Transcript.requireReplaceable(file);
    List<Message> messages = repl.chat().talk().messages();
    Transcript.write(file, repl.chat().model().path().toString(), messages);
    repl.chat().view().say("%s: %s".formatted(file, count(messages)));
  }

  static void load(Repl repl, String name) throws IOException {
    Path file =
        name.isEmpty()
            ? repl.chat()
                .autosave()
                .filter(Files::exists)
                .orElseThrow(() -> new UsageException("no talk was kept; /load FILE names one"))
            : ChatFolder.typed(name);
    List<Message> messages = Transcript.read(file);
    repl.chat().talk().restore(messages);
    repl.chat().view().say("%s: %s".formatted(file, count(messages)));
    for (Message message : messages.subList(Math.max(0, messages.size() - 2), messages.size())) {
      repl.chat()
          .view()
          .say(
              (message.role().equals("user") ? "> " : "")
                  + shortened(String.valueOf(message.content())));
    }
  }

  static String count(List<Message> messages) {
    return messages.size() == 1 ? "1 message" : messages.size() + " messages";
  }

  static void read(Repl repl, String name) throws IOException {
    if (name.isEmpty()) {
      throw new UsageException("/read needs the name of a file");
    }
    Path file = ChatFolder.typed(name);
    if (Files.isDirectory(file)) {
      throw new FileSystemException(file.toString(), null, "is a folder, expected a text file");
    }
    if (Files.size(file) > MOST_BYTES) {
      throw new FileSystemException(
          file.toString(), null, "has " + Files.size(file) + " bytes, too many for a message");
    }
    String text = PromptOptions.decode(file.toString(), Files.readAllBytes(file));
    repl.chat().attach(text);
    repl.chat()
        .view()
        .say(
            "%s (%s) is put before your next message"
                .formatted(
                    file, ModelCommands.count(repl.chat().model().tokenizer().encode(text))));
  }

  static void multiline(Repl repl, String none) throws IOException {
    repl.chat()
        .view()
        .say(
            repl.lines().toggleMultiline()
                ? "messages have several lines now; an empty line sends them"
                : "the end of a line sends it now");
  }

  /** The beginning of a text, on one line. */
  static String shortened(String text) {
    String line = text.strip().replaceAll("\\s+", " ");
    int most = 60;
    return line.length() <= most
        ? line
        : line.substring(0, line.offsetByCodePoints(0, line.codePointCount(0, most - 1))) + "…";
  }
}
