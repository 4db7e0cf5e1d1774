package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jllm data-check} as a person uses it, with the bundled model. */
final class DataCheckTest {
  private static final String GOOD =
      """
      {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]}
      {"instruction": "Add.", "input": "1+1", "output": "2"}
      """;

  @TempDir private Path folder = Path.of("");

  private Run check(String content, String... more) throws IOException {
    Path file = folder.resolve("samples.jsonl");
    Files.writeString(file, content);
    return Run.of(
        Stream.concat(Stream.of("data-check", file.toString()), Arrays.stream(more))
            .toArray(String[]::new));
  }

  @Test
  void showsWhatIsLearned() throws IOException {
    Run run = check(GOOD, "--chat-template", "chatml");
    assertEquals(ExitCode.OK, run.code(), run.err());
    assertTrue(run.out().contains("samples.jsonl, line 1"), run.out());
    assertTrue(run.out().contains("assistant\n[[Hi<|im_end|>]]"), run.out());
    assertTrue(run.out().contains("Add.\n\n1+1<|im_end|>"), run.out());
    assertTrue(run.out().contains("[[2<|im_end|>]]"), run.out());
    assertTrue(run.out().contains("2 samples (messages: 1, Alpaca instructions: 1)"), run.out());
    Run plain = check(GOOD);
    assertTrue(plain.out().contains("Assistant:[[ Hi<|endoftext|>]]"), plain.out());
    assertTrue(plain.err().contains("--chat-template"), "a base model is warned of");
  }

  @Test
  void errorsAreCountedAndNamed() throws IOException {
    Run run =
        check(
            GOOD
                + """
                {"messages": [{"role": "user", "content": "Hello"}
                {"prompt": "a", "completion": " "}
                {"messages": [{"role": "assistant", "content": "b"}, {"role": "user", "content": "a"}]}
                {"instruction": "Add.", "input": "1+1", "output": "2"}
                """
                + "{\"text\": \"%s\"}%n".formatted("word ".repeat(300)));
    assertEquals(ExitCode.CHECK_FAILED, run.code(), run.out());
    List<String> expected =
        List.of(
            "line 3: not valid JSON at column",
            "line 4",
            "line 5: message 1 is the assistant's, before any of the user",
            "line 6: the same as",
            "line 7: ",
            "the last message has no answer");
    expected.forEach(part -> assertTrue(run.out().contains(part), part + " in " + run.out()));
  }

  @Test
  void warningsFailOnlyIfStrict() throws IOException {
    String twice = GOOD + GOOD;
    assertEquals(ExitCode.OK, check(twice).code());
    assertEquals(ExitCode.CHECK_FAILED, check(twice, "--strict").code());
    assertEquals(ExitCode.OK, check(GOOD, "--strict").code());
  }

  @Test
  void json() throws IOException {
    Run run = check(GOOD, "--json", "--show", "1");
    assertEquals(ExitCode.OK, run.code(), run.err());
    assertTrue(run.out().contains("\"samples\" : 2"), run.out());
    assertTrue(run.out().contains("\"trained\" : true"), run.out());
    assertTrue(run.out().contains("\"passed\" : true"), run.out());
    Run bad = check("{}\n", "--json");
    assertEquals(ExitCode.CHECK_FAILED, bad.code());
    assertTrue(bad.out().contains("\"broken\" : 1"), bad.out());
  }

  @Test
  void otherFiles() throws IOException {
    Path packed = folder.resolve("list.json.gz");
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(
          ("[\n " + GOOD.strip().replace("\n", ",\n") + "]\n").getBytes(StandardCharsets.UTF_8));
    }
    Files.write(packed, bytes.toByteArray());
    Run run = Run.of("data-check", packed.toString(), "--show", "0");
    assertEquals(ExitCode.OK, run.code(), run.out() + run.err());
    assertTrue(run.out().contains("2 samples"), run.out());
    assertFalse(run.out().contains("---"), run.out());
    assertEquals(
        ExitCode.FILE, Run.of("data-check", folder.resolve("absent.jsonl").toString()).code());
    Run empty = check("");
    assertEquals(ExitCode.CHECK_FAILED, empty.code());
    assertTrue(empty.out().contains("empty"), empty.out());
    assertEquals(ExitCode.USAGE, check(GOOD, "--text-key", "a", "--messages-key", "b").code());
    assertEquals(ExitCode.USAGE, check(GOOD, "--chat-template", "unknown").code());
  }
}
