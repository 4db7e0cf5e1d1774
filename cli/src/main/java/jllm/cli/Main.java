package jllm.cli;

import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The program {@code jllm}. */
@Command(
    name = "jllm",
    description = "Language models on the JVM: from raw text to a chat model.",
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class,
    synopsisSubcommandLabel = "COMMAND")
public final class Main {

  /** The commands. A new one is a line here and a class of its own. */
  private static final Map<String, Function<Streams, Object>> COMMANDS = new LinkedHashMap<>();

  private Main() {}

  public static void main(String[] args) {
    System.exit(run(args, Processes.streams()));
  }

  /** Runs a command and returns the exit code. */
  static int run(String[] args, Streams streams) {
    CommandLine commandLine = new CommandLine(new Main());
    COMMANDS.forEach((name, command) -> commandLine.addSubcommand(name, command.apply(streams)));
    commandLine.setOut(
        new PrintWriter(new OutputStreamWriter(streams.out(), StandardCharsets.UTF_8), true));
    commandLine.setErr(new PrintWriter(streams.err(), true));
    if (args.length == 0) {
      commandLine.usage(streams.err());
      return ExitCode.USAGE;
    }
    return commandLine.execute(args);
  }
}
