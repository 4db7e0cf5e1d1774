package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigFileTest {
  @TempDir Path folder;

  private String config(String text) throws IOException {
    return Files.writeString(folder.resolve("options.yaml"), text).toString();
  }

  @Test
  void optionsComeFromTheFileAndFlagsWin() throws IOException {
    String config =
        config(
            """
            # for all commands
            temp: 0.5
            tokenize:
              model: gpt2
              count: true
            inspect:
              stats: true
            """);
    assertEquals("2\n", Run.of("tokenize", "--config", config, "Hello world").out());
    Run flag = Run.of("tokenize", "--config=" + config, "--model", "cl100k_base", "indivisible");
    Run plain = Run.of("tokenize", "--count", "-m", "cl100k_base", "indivisible");
    assertEquals(plain.out(), flag.out());
  }

  @Test
  void aSwitchCanBeOff() throws IOException {
    String config = config("{tokenize: {m: gpt2, count: false}}");
    assertEquals("15496 995\n", Run.of("tokenize", "--config", config, "Hello world").out());
  }

  @Test
  void aListGivesAnOptionSeveralTimes() throws IOException {
    String config = config("{temp: 0, max_tokens: 30, stop: [e, a]}");
    Run run = Run.of("generate", "-q", "--config", config, "ROMEO:");
    assertEquals(0, run.code(), run.err());
    Run flags =
        Run.of("generate", "-q", "--temp", "0", "-n", "30", "--stop", "e", "--stop", "a", "ROMEO:");
    assertEquals(flags.out(), run.out());
  }

  @Test
  void anEmptyFileHasNoOptions() throws IOException {
    Run run = Run.of("tokenize", "-m", "gpt2", "--config", config("# nothing\n"), "Hello");
    assertEquals("15496\n", run.out(), run.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tmp: 1|no command has an option --tmp",
        "{tokenize: {temp: 1}}|tokenize has no option --temp",
        "{tokenize: 1}|expected options below tokenize:",
        "{count: 3}|--count is 3, expected true or false",
        "- a|holds no options; expected lines such as temp: 0.7",
        "'a: [1'|is no YAML",
      })
  void whatIsWrongInItIsSaid(String text, String message) throws IOException {
    Run run = Run.of("tokenize", "--config", config(text), "Hello");
    assertEquals(2, run.code(), run.err());
    assertTrue(run.err().contains(message), run.err());
    assertEquals("", run.out());
  }

  @Test
  void aFileThatIsNotThereIsNamed() {
    Run run = Run.of("tokenize", "--config", folder.resolve("none.yaml").toString(), "Hello");
    assertEquals(3, run.code(), run.err());
    assertTrue(run.err().contains("none.yaml: there is no such file"), run.err());
  }

  @Test
  void aLogFileHoldsWhatWasChosenAndWhatWentWrong() throws IOException {
    Path log = folder.resolve("log");
    Run run = Run.of("generate", "-q", "--log-file", log.toString(), "-n", "2", "ROMEO:");
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.err());
    String chosen = Files.readString(log);
    assertTrue(chosen.contains("INFO backend: "), chosen);
    Run failed = Run.of("inspect", "--log-file", log.toString(), "no-such-file");
    assertEquals(3, failed.code());
    assertTrue(Files.readString(log).startsWith(chosen), "it is continued");
    assertTrue(Files.readString(log).contains("ERROR no-such-file"), Files.readString(log));
  }
}
