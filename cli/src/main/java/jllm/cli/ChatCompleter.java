package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;

/** Completes commands, and file names, model names and settings behind them. */
final class ChatCompleter implements Completer {
  private final ChatFolder folder;
  private final ChatSettings settings;

  ChatCompleter(ChatFolder folder, ChatSettings settings) {
    this.folder = folder;
    this.settings = settings;
  }

  @Override
  public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
    if (line.wordIndex() == 0) {
      if (line.line().startsWith("/")) {
        for (SlashCommand command : SlashCommands.ALL) {
          candidates.add(
              new Candidate(
                  command.name(), command.name(), null, command.summary(), null, null, true));
        }
      }
      return;
    }
    SlashCommand.Argument argument =
        SlashCommands.find(line.words().getFirst())
            .map(SlashCommand::argument)
            .orElse(SlashCommand.Argument.NONE);
    String typed = line.word().substring(0, line.wordCursor());
    switch (argument) {
      case FILE -> files(typed, candidates);
      case MODEL -> {
        files(typed, candidates);
        names(candidates);
      }
      case SETTING -> settings.names().forEach(name -> candidates.add(new Candidate(name)));
      case TEXT, NONE -> {}
    }
  }

  private void names(List<Candidate> candidates) {
    try {
      folder.models().names().forEach(name -> candidates.add(new Candidate(name)));
    } catch (IOException unreadable) {
      // Then there is nothing to propose.
    }
  }

  private static void files(String typed, List<Candidate> candidates) {
    String parent = typed.substring(0, typed.lastIndexOf('/') + 1);
    boolean hidden = typed.startsWith(".", parent.length());
    try {
      Path folder = ChatFolder.typed(parent.isEmpty() ? "." : parent);
      try (Stream<Path> files = Files.list(folder)) {
        files.forEach(file -> {
          String name = String.valueOf(file.getFileName());
          if (hidden || !name.startsWith(".")) {
            boolean isFolder = Files.isDirectory(file);
            String value = parent + name + (isFolder ? "/" : "");
            candidates.add(
                new Candidate(
                    value, name + (isFolder ? "/" : ""), null, null, null, null, !isFolder));
          }
        });
      }
    } catch (IOException | UsageException nothing) {
      // Then there is nothing to propose.
    }
  }
}
