package jllm.cli;

import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;
import jllm.generate.chat.ChatSession;
import jllm.generate.chat.Message;
import jllm.tokenize.Tokenizer;

/** Commands about the model and how it answers. */
final class ModelCommands {
  private static final int MOST_SHOWN = 400;

  private ModelCommands() {}

  static void set(Repl repl, String argument) throws IOException {
    ChatSettings settings = repl.chat().settings();
    if (argument.isEmpty()) {
      repl.chat().view().show(settings.show());
      return;
    }
    String[] words = argument.split("[\\s=]+", 2);
    if (words.length < 2) {
      throw new UsageException("/set needs a name and a value, such as /set top-k 20");
    }
    settings.set(words[0], words[1]);
  }

  static void temperature(Repl repl, String value) throws IOException {
    set(repl, "temp " + (value.isEmpty() ? "nothing" : value));
  }

  static void model(Repl repl, String name) throws IOException {
    if (!name.isEmpty()) {
      repl.chat().use(repl.folder().models().resolve(ChatFolder.typed(name)));
    }
    repl.chat().view().say(repl.chat().model().describe());
  }

  static void lora(Repl repl, String argument) throws IOException {
    ChatModel model = repl.chat().model();
    if (!argument.isEmpty()) {
      List<AdapterArgument> adapters =
          argument.equals("-")
              ? List.of()
              : AdapterArgument.parse("/lora", argument).among(model.adapters());
      model.adapt(adapters);
    }
    List<AdapterArgument> present = model.adapters();
    repl.chat()
        .view()
        .say(
            present.isEmpty()
                ? "no adapters: the model as it is"
                : present.stream()
                    .map(AdapterArgument::toString)
                    .collect(Collectors.joining("\n")));
  }

  static void tokens(Repl repl, String text) throws IOException {
    Tokenizer tokenizer = repl.chat().model().tokenizer();
    if (text.isEmpty()) {
      StringBuilder lines = new StringBuilder();
      for (Message message : repl.chat().talk().messages()) {
        String content = String.valueOf(message.content());
        lines.append(
            "%,7d  %-9s  %s%n"
                .formatted(
                    tokenizer.encode(content).length,
                    message.role(),
                    Visible.of(TalkCommands.shortened(content))));
      }
      repl.chat()
          .view()
          .show(lines.isEmpty() ? "no messages yet" : lines.toString().stripTrailing());
      return;
    }
    int[] ids = tokenizer.encode(text);
    StringBuilder line = new StringBuilder(count(ids) + ":");
    for (int i = 0; i < Math.min(ids.length, MOST_SHOWN); i++) {
      line.append(" %d\u00a0'%s'".formatted(ids[i], TokenText.visible(tokenizer, ids[i])));
    }
    repl.chat().view().say(line + (ids.length > MOST_SHOWN ? " …" : ""));
  }

  static String count(int[] tokens) {
    return count(tokens.length);
  }

  static String count(long tokens) {
    return tokens == 1 ? "1 token" : "%,d tokens".formatted(tokens);
  }

  static void context(Repl repl, String none) throws IOException {
    ChatSession talk = repl.chat().talk();
    int used = talk.length();
    List<Message> messages = talk.messages();
    repl.chat()
        .view()
        .say(
            "%,d of %,d tokens used (%d %%) by %s%s"
                .formatted(
                    used,
                    talk.context(),
                    Math.round(100.0 * used / talk.context()),
                    TalkCommands.count(messages.subList(talk.leftOut(), messages.size())),
                    talk.leftOut() == 0
                        ? ""
                        : "; the oldest %d are not seen by the model any more"
                            .formatted(talk.leftOut())));
  }

  static void stats(Repl repl, String none) throws IOException {
    repl.chat().view().say(repl.chat().totals().show().orElse("no answers yet"));
  }
}
