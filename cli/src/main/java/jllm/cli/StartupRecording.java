package jllm.cli;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;

/**
 * What the JVM's AOT cache is recorded from (JEP 483, 514, 515): the launcher runs it once, so that
 * later launches find classes loaded and linked, and know which methods will be hot.
 */
final class StartupRecording {
  private StartupRecording() {}

  /** Runs commands of one of the launcher's kinds, {@code short} or {@code computing}. */
  public static void main(String[] args) {
    List<List<String>> commands =
        switch (args[0]) {
          case "short" ->
              List.of(
                  List.of("--version"),
                  List.of("--help"),
                  List.of("tokenize", "hello"),
                  List.of("tokenize", "--stats", "-m", "gpt2", "hello"));
          case "computing" ->
              List.of(
                  List.of("generate", "--help"),
                  List.of("generate", "--device", "cpu", "-n", "32", "ROMEO:"),
                  List.of(
                      "generate", "--temp", "0", "-n", "8", "Once upon a time there was a king"));
          default -> throw new IllegalArgumentException("unknown kind: " + args[0]);
        };
    PrintStream nothing = new PrintStream(OutputStream.nullOutputStream());
    for (List<String> command : commands) {
      int code =
          Main.run(command.toArray(String[]::new), InputStream.nullInputStream(), nothing, nothing);
      if (code != ExitCode.OK) {
        System.exit(code);
      }
    }
  }
}
