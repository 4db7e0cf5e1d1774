package jllm.cli;

import picocli.CommandLine.Option;

/** How much a command says, and in which form its result comes. */
final class OutputOptions extends LogOptions {
  @Option(names = "--json", description = "Write the result as one JSON object.")
  boolean json;
}
