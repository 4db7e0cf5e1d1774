package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jllm models}: names for models. */
@Command(
    name = "models",
    description = "Give models short names, which every command takes in the place of a path.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "list|add|rm|path",
    footer = {
      "",
      "Names are links in $JLLM_HOME/models (~/.jllm/models if it is not set); a model's file or",
      "folder that lies there has its own name.",
      "",
      "Example: jllm models add tiny ~/models/tinyllama-1.1b-q8_0.gguf",
      "         jllm generate -m tiny \"Once upon a time\""
    })
final class ModelsCommand implements Runnable {
  private final Streams streams;
  private final ModelStore store;

  ModelsCommand(Streams streams) {
    this(streams, ModelStore.ofUser());
  }

  ModelsCommand(Streams streams, ModelStore store) {
    this.streams = streams;
    this.store = store;
  }

  @Override
  public void run() {
    throw new UsageException("say what to do: jllm models list, add, rm or path");
  }

  /** A line of the list. */
  private record Line(String name, String size, String path) {}

  @Command(
      name = "list",
      description = "List the names.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: jllm models list"})
  int list(
      @Option(names = "--json", description = "Write the result as one JSON object.") boolean json)
      throws IOException {
    List<Line> lines = new ArrayList<>();
    Map<String, Object> paths = new LinkedHashMap<>();
    for (String name : store.names()) {
      Path entry = store.folder().resolve(name);
      boolean there = Files.exists(entry);
      String path =
          there ? entry.toRealPath().toString() : Files.readSymbolicLink(entry).toString();
      lines.add(new Line(name, there ? Memory.show(bytes(entry.toRealPath())) : "missing", path));
      paths.put(name, path);
    }
    if (json) {
      streams.out().print(Json.compact(paths) + "\n");
    } else if (lines.isEmpty()) {
      streams.tell("jllm: no model has a name; give one with jllm models add NAME MODEL");
    } else {
      Table<Line> table =
          new Table<Line>()
              .left("name", Line::name)
              .right("size", Line::size)
              .left("path", Line::path);
      streams.out().print(table.text(lines));
    }
    return ExitCode.OK;
  }

  private static long bytes(Path model) throws IOException {
    if (!Files.isDirectory(model)) {
      return Files.size(model);
    }
    long sum = 0;
    try (Stream<Path> files = Files.list(model)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        sum += Files.size(file);
      }
    }
    return sum;
  }

  @Command(
      name = "add",
      description = "Give a model a name; the model stays where it is.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: jllm models add tiny ~/models/tinyllama-1.1b-q8_0.gguf"})
  int add(
      @Parameters(paramLabel = "NAME", description = "The name.") String name,
      @Parameters(paramLabel = "MODEL", description = "Its file or folder.") Path model,
      @Option(names = "--force", description = "Replace a name that is taken.") boolean force)
      throws IOException {
    store.add(name, model, force);
    return ExitCode.OK;
  }

  @Command(
      name = "rm",
      description = "Forget a name; the model stays where it is.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: jllm models rm tiny"})
  int remove(@Parameters(paramLabel = "NAME", description = "The name.") String name)
      throws IOException {
    store.remove(name);
    return ExitCode.OK;
  }

  @Command(
      name = "path",
      description = "Print where a model is.",
      mixinStandardHelpOptions = true,
      footer = {"", "Example: jllm inspect $(jllm models path tiny)"})
  int path(@Parameters(paramLabel = "NAME", description = "The name.") String name)
      throws IOException {
    streams.out().print(store.path(name) + "\n");
    return ExitCode.OK;
  }
}
