package jllm.cli;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How much a command says besides its result. */
class LogOptions {
  @Option(
      names = {"-q", "--quiet"},
      description = "Write nothing but the result and errors.")
  boolean quiet;

  @Option(
      names = {"-v", "--verbose"},
      description = "Say also what was chosen, and why.")
  boolean verbose;

  @Option(
      names = "--log-file",
      paramLabel = "FILE",
      description = "Add what was chosen, and why, to a file, with the time; also errors.")
  private @Nullable Path logFile;

  @Option(
      names = ConfigFile.OPTION,
      paramLabel = "FILE",
      description = "Take options from a YAML file (temp: 0.7); those given here win.")
  private @Nullable Path config;

  /**
   * Sets how much of the libraries' log is shown.
   *
   * @throws UncheckedIOException if the log file cannot be written
   */
  void apply() {
    if (logFile != null) {
      Log.copyTo(logFile);
    }
    System.Logger.Level chatty = verbose ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING;
    Log.show(quiet ? System.Logger.Level.ERROR : chatty);
  }
}
