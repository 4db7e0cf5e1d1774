package jllm.cli;

import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jllm completion}: what a shell needs to complete commands and options. */
@Command(
    name = "completion",
    description = "Print a script that makes a shell complete commands and options.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Put it where your shell finds it at its start:",
      "",
      "Example: jllm completion bash > ~/.local/share/bash-completion/completions/jllm",
      "         echo 'source <(jllm completion zsh)' >> ~/.zshrc"
    })
final class CompletionCommand implements Callable<Integer> {
  /** A shell that the script is for. */
  enum Shell {
    BASH,
    ZSH
  }

  private final Streams streams;

  @Parameters(arity = "1", paramLabel = "bash|zsh", description = "The shell.")
  private Shell shell = Shell.BASH;

  @Spec private CommandSpec spec = CommandSpec.create();

  CompletionCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    // The generated script loads zsh's emulation of bash's completion by itself.
    String script = AutoComplete.bash("jllm", spec.root().commandLine());
    streams.out().print("# For %s\n%s\n".formatted(shell.name().toLowerCase(Locale.ROOT), script));
    return ExitCode.OK;
  }
}
