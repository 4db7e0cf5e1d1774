package jllm.cli;

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

  /** Sets how much of the libraries' log is shown. */
  void apply() {
    System.Logger.Level chatty = verbose ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING;
    Log.show(quiet ? System.Logger.Level.ERROR : chatty);
  }
}
