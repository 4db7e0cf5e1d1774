package jllm.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The program {@code jllm}. */
@Command(
    name = "jllm",
    description = "Language models on the JVM: from raw text to a chat model.",
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {"", "'jllm COMMAND --help' lists the options of a command."})
public final class Main {

  /** The commands, in the order of the help. A new one is a line here and a class of its own. */
  private static final Map<String, Function<Streams, Object>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("generate", GenerateCommand::new);
    COMMANDS.put("chat", ChatCommand::new);
    COMMANDS.put("chat-template", ChatTemplateCommand::new);
    COMMANDS.put("inspect", InspectCommand::new);
    COMMANDS.put("logits", LogitsCommand::new);
    COMMANDS.put("tokenize", TokenizeCommand::new);
    COMMANDS.put("train-bpe", TrainBpeCommand::new);
    COMMANDS.put("pretrain", PretrainCommand::new);
    COMMANDS.put("finetune-lora", FinetuneLoraCommand::new);
    COMMANDS.put("data-check", DataCheckCommand::new);
    COMMANDS.put("convert", ConvertCommand::new);
    COMMANDS.put("quantize", QuantizeCommand::new);
    COMMANDS.put("merge-lora", MergeLoraCommand::new);
    COMMANDS.put("perplexity", PerplexityCommand::new);
    COMMANDS.put("devices", DevicesCommand::new);
    COMMANDS.put("bench", BenchCommand::new);
    COMMANDS.put("bench-train", BenchTrainCommand::new);
    COMMANDS.put("bench-cpu-vs-gpu", BenchCpuVsGpuCommand::new);
    COMMANDS.put("models", ModelsCommand::new);
    COMMANDS.put("doctor", DoctorCommand::new);
    COMMANDS.put("completion", CompletionCommand::new);
  }

  private static final int HELP_WIDTH = 100;

  /** Below this picocli has no layout. */
  private static final int LEAST_HELP_WIDTH = 55;

  private Main() {}

  /** The names of the commands. */
  static Set<String> commands() {
    return COMMANDS.keySet();
  }

  public static void main(String[] args) {
    System.exit(run(args, Processes.streams()));
  }

  /**
   * Runs a command on the given streams, none of which is a terminal, and returns the exit code.
   */
  public static int run(String[] args, InputStream in, OutputStream out, PrintStream err) {
    return run(args, new Streams(in, new StandardOutput(out), err, false, false, false));
  }

  /** Runs a command and returns the exit code. */
  static int run(String[] args, Streams streams) {
    Log.to(streams::tell);
    ErrorReporter reporter = new ErrorReporter(streams);
    try {
      if (args.length == 1 && (args[0].equals("--version") || args[0].equals("-V"))) {
        // Without reading all options of the program, which takes longer.
        for (String line : new VersionProvider().getVersion()) {
          streams.out().print(line + "\n");
        }
        return ExitCode.OK;
      }
      CommandLine commandLine = commandLine(args, streams, reporter);
      if (args.length == 0) {
        commandLine.usage(streams.err());
        return ExitCode.USAGE;
      }
      int code = commandLine.execute(ConfigFile.expand(commandLine, args));
      StandardOutput.Failure failure = streams.out().failure();
      return code == ExitCode.OK && failure != null ? reporter.report(failure) : code;
    } catch (UsageException e) {
      return reporter.usage(e);
    } catch (IOException | RuntimeException | Error e) {
      return reporter.report(e);
    } finally {
      Log.close();
    }
  }

  private static CommandLine commandLine(String[] args, Streams streams, ErrorReporter reporter) {
    CommandLine commandLine = new CommandLine(new Main());
    // Reading the options of all commands would cost each start of one of them a tenth of a second.
    boolean all = args.length > 0 && args[0].equals("completion") || usesConfig(args);
    if (!all && args.length > 0 && COMMANDS.containsKey(args[0])) {
      commandLine.addSubcommand(args[0], COMMANDS.get(args[0]).apply(streams));
    } else {
      COMMANDS.forEach((name, command) -> commandLine.addSubcommand(name, command.apply(streams)));
    }
    return settings(commandLine, streams, reporter).setUsageHelpWidth(helpWidth(args, streams));
  }

  /** A configuration file may be about any command. */
  private static boolean usesConfig(String[] args) {
    return Arrays.stream(args).anyMatch(arg -> arg.startsWith(ConfigFile.OPTION));
  }

  private static CommandLine settings(
      CommandLine commandLine, Streams streams, ErrorReporter reporter) {
    return commandLine
        .setOut(
            new PrintWriter(new OutputStreamWriter(streams.out(), StandardCharsets.UTF_8), true))
        .setErr(new PrintWriter(streams.err(), true))
        .setExecutionExceptionHandler(reporter)
        .setParameterExceptionHandler(reporter)
        // A prompt may begin with @, and an alias may give an option that is given again.
        .setExpandAtFiles(false)
        .setOverwrittenOptionsAllowed(true)
        .setCaseInsensitiveEnumValuesAllowed(true);
  }

  /** The columns of help: those of the terminal, within what is readable; they cost time to ask. */
  private static int helpWidth(String[] args, Streams streams) {
    boolean help =
        args.length == 0
            || Arrays.stream(args).anyMatch(arg -> arg.equals("-h") || arg.equals("--help"));
    return help && streams.outIsTerminal()
        ? Math.clamp(TerminalWidth.columns(), LEAST_HELP_WIDTH, HELP_WIDTH)
        : HELP_WIDTH;
  }
}
