package jllm.cli;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * Options in a YAML file: {@code temp: 0.7} for all commands that have {@code --temp}, and below
 * the name of a command for that one. What the command line gives wins.
 *
 * <p>They become arguments in front of the others, so that they are read and checked alike.
 */
final class ConfigFile {
  static final String OPTION = "--config";

  private final CommandLine main;
  private final Path path;
  private final Map<?, ?> settings;

  private ConfigFile(CommandLine main, Path path) throws IOException {
    this.main = main;
    this.path = path;
    this.settings = read(path);
  }

  /**
   * The arguments with those of the configuration file that they name, if they name one.
   *
   * @param main with all commands
   * @throws UsageException if the file has what no command knows, or is no YAML
   * @throws IOException if it cannot be read
   */
  static String[] expand(CommandLine main, String[] args) throws IOException {
    if (Arrays.stream(args).noneMatch(arg -> arg.startsWith(OPTION))) {
      return args;
    }
    ParseResult command = parse(main, args);
    Path path = command == null ? null : command.matchedOptionValue(OPTION, (Path) null);
    return command == null || path == null
        ? args
        : new ConfigFile(main, path).expand(command, args);
  }

  /** What was given, however wrong the rest may be; null without a command. */
  private static @Nullable ParseResult parse(CommandLine main, String[] args) {
    setCollectErrors(main, true);
    try {
      return main.parseArgs(args).subcommand();
    } finally {
      setCollectErrors(main, false);
    }
  }

  private static void setCollectErrors(CommandLine main, boolean collect) {
    main.getCommandSpec().parser().collectErrors(collect);
    main.getSubcommands()
        .values()
        .forEach(command -> command.getCommandSpec().parser().collectErrors(collect));
  }

  private static Map<?, ?> read(Path path) throws IOException {
    LoadSettings rules = LoadSettings.builder().setLabel(path.toString()).build();
    try (Reader reader = Files.newBufferedReader(path)) {
      Object content = new Load(rules).loadFromReader(reader);
      if (content == null) {
        return Map.of();
      }
      if (content instanceof Map<?, ?> map) {
        return map;
      }
      throw new UsageException(path + " holds no options; expected lines such as temp: 0.7");
    } catch (YamlEngineException e) {
      throw new UsageException(path + " is no YAML: " + e.getMessage());
    }
  }

  private String[] expand(ParseResult command, String[] args) {
    String name = command.commandSpec().name();
    List<String> expanded = new ArrayList<>(List.of(name));
    settings.forEach((key, value) -> {
      if (!main.getSubcommands().containsKey(key)) {
        addShared(expanded, command, String.valueOf(key), value);
      }
    });
    for (String section : main.getSubcommands().keySet()) {
      Object options = settings.get(section);
      if (options == null || !section.equals(name)) {
        continue;
      }
      if (!(options instanceof Map<?, ?> map)) {
        throw new UsageException(path + ": expected options below " + section + ":");
      }
      map.forEach((key, value) -> addOwn(expanded, command, String.valueOf(key), value));
    }
    expanded.addAll(
        Arrays.asList(args).subList(Arrays.asList(args).indexOf(name) + 1, args.length));
    return expanded.toArray(String[]::new);
  }

  private void addShared(
      List<String> args, ParseResult command, String key, @Nullable Object value) {
    OptionSpec option = find(command.commandSpec().commandLine(), key);
    if (option != null) {
      add(args, command, option, value);
    } else if (main.getSubcommands().values().stream().allMatch(c -> find(c, key) == null)) {
      throw new UsageException(path + ": no command has an option --" + key);
    }
  }

  private void addOwn(List<String> args, ParseResult command, String key, @Nullable Object value) {
    OptionSpec option = find(command.commandSpec().commandLine(), key);
    if (option == null) {
      throw new UsageException(
          "%s: %s has no option --%s".formatted(path, command.commandSpec().name(), key));
    }
    add(args, command, option, value);
  }

  private static @Nullable OptionSpec find(CommandLine command, String key) {
    String name = key.replace('_', '-');
    OptionSpec found = command.getCommandSpec().findOption("--" + name);
    return found == null ? command.getCommandSpec().findOption("-" + name) : found;
  }

  private void add(
      List<String> args, ParseResult command, OptionSpec option, @Nullable Object value) {
    if (command.hasMatchedOption(option) || value == null) {
      return;
    }
    boolean flag = option.arity().max() == 0;
    if (flag && !(value instanceof Boolean)) {
      throw new UsageException(
          "%s: %s is %s, expected true or false".formatted(path, option.longestName(), value));
    }
    if (flag && !Objects.equals(value, true)) {
      return;
    }
    for (Object single : value instanceof List<?> list ? list : List.of(value)) {
      args.add(flag ? option.longestName() : option.longestName() + "=" + single);
    }
  }
}
