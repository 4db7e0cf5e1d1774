package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.cli.Main;

/** Runs the program, inside the test or as a process of its own. */
final class Program {
  /** Of signal 2 in the masks of {@code /proc}. */
  private static final long SIGINT_BIT = 1 << 1;

  private Program() {}

  /** What a run left behind. */
  record Result(int code, String out, String err) {}

  static Result run(String... args) {
    return runWithInput("", args);
  }

  static Result runWithInput(String input, String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Result result = runInto(out, input, args);
    return new Result(result.code(), out.toString(StandardCharsets.UTF_8), result.err());
  }

  static Result runInto(OutputStream out, String input, String... args) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        Main.run(
            args,
            new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
            out,
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Result(code, "", err.toString(StandardCharsets.UTF_8));
  }

  /** The arguments that generate from the small trained model. */
  static String[] dream(String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "generate",
                "-m",
                Fixtures.model("aidreams260K.bin").toString(),
                "--tokenizer",
                Fixtures.model("aidreams-tok512.bin").toString()));
    args.addAll(List.of(more));
    return args.toArray(String[]::new);
  }

  /** A process of this program; standard error is in {@code err}. */
  static Process start(Path err, String... args) throws IOException {
    return new ProcessBuilder(command(args)).redirectError(err.toFile()).start();
  }

  /** The same, with further environment variables. */
  static Process start(Path err, Map<String, String> environment, String... args)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command(args)).redirectError(err.toFile());
    builder.environment().putAll(environment);
    return builder.start();
  }

  /** The same, where no file may grow beyond so many kilobytes: writing fails there. */
  static Process startLimited(Path err, int kilobytes, String... args) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of("/bin/bash", "-c", "ulimit -f " + kilobytes + " && exec \"$@\"", "bash"));
    command.addAll(command(args));
    return new ProcessBuilder(command).redirectError(err.toFile()).start();
  }

  /**
   * Ctrl-C. Skips the test where this process ignores it, as what a script starts in the background
   * does, and with it all its children.
   */
  static void interrupt(Process process) throws IOException, InterruptedException {
    assumeFalse(ignoresInterrupts(), "SIGINT is ignored here, by programs started from here too");
    assertEquals(0, new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor());
  }

  private static boolean ignoresInterrupts() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return false;
    }
    String ignored =
        Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("SigIgn:"))
            .map(line -> line.substring(line.indexOf(':') + 1).strip())
            .findFirst()
            .orElse("0");
    return (Long.parseUnsignedLong(ignored, 16) & SIGINT_BIT) != 0;
  }

  private static List<String> command(String... args) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                classPath(),
                "jllm.cli.Main"));
    command.addAll(List.of(args));
    return command;
  }

  private static String classPath() {
    // Surefire may hide the class path in a jar's manifest, and says here what it is.
    String path = System.getProperty("surefire.test.class.path");
    return path == null ? System.getProperty("java.class.path") : path + File.pathSeparator;
  }
}
