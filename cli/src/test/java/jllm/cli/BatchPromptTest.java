package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lines of {@code --prompts}, from standard input. */
class BatchPromptTest {
  private static Run generate(String lines, String... more) {
    String[] args = new String[7 + more.length];
    String[] all = {"generate", "--prompts", "-", "-n", "2", "-t", "1"};
    System.arraycopy(all, 0, args, 0, all.length);
    System.arraycopy(more, 0, args, all.length, more.length);
    return Run.withInput(lines, args);
  }

  @Test
  void eachLineSaysWhatIsItsOwn() {
    Run run =
        generate(
            """
            {"prompt":"ROMEO:","id":"a","n":1,"temp":0}

            {"prompt":"","id":7,"seed":3}
            {"prompt":"x","max_tokens":0,"tags":["b"],"label":{"c":1}}
            {"prompt":"y","n":0,"tags":[]}
            """);
    assertEquals(ExitCode.OK, run.code(), run.err());
    String[] lines = run.out().split("\n");
    assertEquals(4, lines.length, run.out());
    assertTrue(lines[0].startsWith("{\"id\":\"a\",\"prompt\":\"ROMEO:\""), run.out());
    assertTrue(lines[1].startsWith("{\"id\":7,\"prompt\":\"\""), run.out());
    assertTrue(lines[1].contains("\"seed\":3"), run.out());
    assertTrue(lines[2].contains("\"tokens\":[]"), run.out());
    assertTrue(run.err().contains("nothing is made of \"tags\", \"label\";"), run.err());
    assertFalse(generate("text\n", "-q").err().contains("nothing is made"));
  }

  /** Nothing is generated before all lines are understood; the message names the line. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "plain text; no JSON object: Unrecognized token",
        "{\"prompt\":\"x\"; expected close marker for Object",
        "{\"prompt\":\"x\"} {}; something behind the JSON object",
        "[1]; expected a JSON object",
        "{\"prompt\":5}; no text called",
        "{\"id\":1}; no text called",
        "{\"prompt\":\"x\",\"temp\":-1}; expected a number of 0 or more",
        "{\"prompt\":\"x\",\"temp\":\"hot\"}; expected a number of 0 or more",
        "{\"prompt\":\"x\",\"n\":1.5}; expected a whole number of -1 or more",
        "{\"prompt\":\"x\",\"seed\":-1}; expected a whole number of 0 or more",
        "{\"prompt\":\"x\",\"n\":99999999999}; no JSON object",
        "{\"prompt\":\"x\",\"id\":true}; expected a string or a whole number",
      })
  void anErrorInTheMiddle(String line, String message) {
    Run run = generate("{\"prompt\":\"a\"}\n" + line + "\n{\"prompt\":\"b\"}\n", "-q");
    assertEquals(ExitCode.FORMAT, run.code(), run.err());
    assertEquals("", run.out());
    assertTrue(run.err().startsWith("jllm: standard input, line 2: "), run.err());
    assertTrue(run.err().contains(message), run.err());
    assertFalse(run.err().contains("Source"), run.err());
  }
}
