package jllm.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class UsageTest {

  private static void assertMessage(int code, String message, Run run) {
    assertEquals(code, run.code(), run.err());
    assertEquals("", run.out());
    assertTrue(run.err().startsWith("jllm: " + message), run.err());
    assertTrue(!run.err().contains("\tat "), run.err());
  }

  @Test
  void helpGoesToStandardOutput() {
    Run run = Run.of("--help");
    assertEquals(0, run.code());
    assertEquals("", run.err());
    assertTrue(run.out().contains("generate") && run.out().contains("logits"), run.out());
  }

  static Set<String> commands() {
    return Main.commands();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void eachCommandHasHelpWithAnExample(String command) {
    // Where picocli warns, of a % that is no conversion for instance.
    ByteArrayOutputStream warnings = new ByteArrayOutputStream();
    PrintStream systemErr = System.err;
    System.setErr(new PrintStream(warnings, true, UTF_8));
    Run run;
    try {
      run = Run.of(command, "--help");
    } finally {
      System.setErr(systemErr);
    }
    assertEquals("", warnings.toString(UTF_8));
    assertEquals(0, run.code());
    assertTrue(run.out().startsWith("Usage: jllm " + command), run.out());
    assertTrue(
        Pattern.compile("Examples?:\\s+(echo .*\\s+)?jllm " + command).matcher(run.out()).find(),
        run.out());
  }

  @Test
  void versionNamesProgramAndJdk() {
    Run run = Run.of("--version");
    assertEquals(0, run.code());
    assertTrue(run.out().matches("(?s)jllm \\d+\\..*"), run.out());
    assertTrue(run.out().contains("JDK " + Runtime.version()), run.out());
  }

  @Test
  void completionKnowsTheCommandsAndTheirOptions() {
    Run run = Run.of("completion", "bash");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("train-bpe") && run.out().contains("--vocab-size"), run.out());
  }

  @Test
  void withoutArgumentsItShowsTheCommands() {
    Run run = Run.of();
    assertEquals(2, run.code());
    assertEquals("", run.out());
    assertTrue(run.err().startsWith("Usage: jllm"), run.err());
  }

  @Test
  void anUnknownCommandIsNamedAndASimilarOneSuggested() {
    Run run = Run.of("genrate");
    assertMessage(2, "there is no command genrate", run);
    assertTrue(run.err().contains("jllm generate"), run.err());
  }

  @Test
  void anUnknownOptionIsNamed() {
    assertMessage(2, "there is no option --tmp", Run.of("generate", "--tmp", "1", "x"));
  }

  @Test
  void aPromptWithoutQuotesIsExplained() {
    assertMessage(2, "unexpected argument 'upon'; put a text", Run.of("generate", "Once", "upon"));
  }

  @Test
  void generateWithoutModelTakesTheBundledOne() {
    Run run = Run.of("generate", "-q", "-n", "20", "--temp", "0", "ROMEO:");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().length() > 20, run.out());
    assertEquals("", run.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--temp|-1|--temp is -1, expected 0 or more",
        "--temp|NaN|--temp is NaN, expected 0 or more",
        "--top-k|-2|--top-k is -2, expected 0 or more",
        "--top-p|1.5|--top-p is 1.5, expected 0 to 1",
        "--min-p|-0.1|--min-p is -0.1, expected 0 to 1",
        "--repeat-penalty|0|--repeat-penalty is 0, expected 0.001 to 1000",
        "--repeat-last-n|-2|--repeat-last-n is -2, expected -1 or more",
        "--seed|-2|--seed is -2, expected -1 or more",
        "-n|-2|--max-tokens is -2, expected -1 or more",
        "-c|-1|--ctx-size is -1, expected 0 or more",
        "-t|-1|--threads is -1, expected 0 to 1024",
        "-t|x|Invalid value for option '--threads': 'x' is not an int",
        "--cpu-kernels|gpu|Invalid value for option '--cpu-kernels'",
        "--stop|''|--stop is empty, expected at least one character",
      })
  void anOptionOutOfRangeIsNamedWithValueAndRange(String option, String value, String message) {
    assertMessage(2, message, Run.of("generate", "-m", "x", option, value, "Hello"));
  }

  @Test
  void thePromptComesFromOnePlaceOnly() {
    assertMessage(2, "the prompt was given 2 times", Run.of("generate", "-m", "x", "-p", "a", "b"));
  }

  @Test
  void onATerminalThePromptIsNotWaitedFor() {
    assertMessage(2, "no prompt; give it", Run.onTerminal("generate", "-m", "x"));
  }

  @ParameterizedTest
  @CsvSource({"inspect", "logits"})
  void theModelIsGivenOnce(String command) {
    String[] args = {command, "-o", "x", "--ids", "1", "a", "-m", "b"};
    if (command.equals("inspect")) {
      args = new String[] {command, "a", "-m", "b"};
    }
    assertMessage(2, "the model was given twice: a and b", Run.of(args));
  }

  @Test
  void logitsNeedIdsAndAnOutput() {
    assertMessage(2, "Missing required option: '--output=FILE'", Run.of("logits", "x"));
  }
}
