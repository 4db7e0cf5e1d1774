package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jllm chat-template}. */
class ChatTemplateCommandTest {
  private static final String HELLO =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"Hé\"}], \"add_generation_prompt\":"
          + " true}";

  @TempDir private Path folder;

  private String template(String text) throws IOException {
    return Files.writeString(folder.resolve("t.jinja"), text).toString();
  }

  @Test
  void theRenderingAndNothingElse() throws IOException {
    String template = template("{{ messages[0].content }} {{ x }}|{{ tools is none }}");
    Path input =
        Files.writeString(folder.resolve("in.json"), HELLO.replace("{\"m", "{\"x\": 1, \"m"));
    Run run = Run.of("chat-template", template, "--input", input.toString());
    assertEquals("Hé 1|True", run.out());
    assertEquals(0, run.code(), run.err());
    Run named = Run.withInput(HELLO, "chat-template", "chatml", "--input", "-");
    assertEquals(
        "<|im_start|>user\nHé<|im_end|>\n<|im_start|>assistant\n", named.out(), named.err());
  }

  @Test
  void theDate() throws IOException {
    String template = template("{{ strftime_now('%d %b %Y') }}");
    String[] arguments = {"chat-template", template, "--input", "-", "--date", "2026-01-15"};
    assertEquals("15 Jan 2026", Run.withInput(HELLO, arguments).out());
    arguments[5] = "tomorrow";
    assertEquals(2, Run.withInput(HELLO, arguments).code());
  }

  @Test
  void refusals() throws IOException {
    Run raised =
        Run.withInput(
            HELLO, "chat-template", template("a{{ raise_exception('boom') }}"), "--input", "-");
    assertEquals(4, raised.code());
    assertEquals("", raised.out());
    assertEquals("jllm: the chat template refuses this conversation: boom\n", raised.err());
    Run syntax = Run.withInput(HELLO, "chat-template", template("\n{% if %}"), "--input", "-");
    assertEquals(4, syntax.code());
    assertTrue(syntax.err().contains("line 2: syntax error"), syntax.err());
    String template = template("x");
    assertEquals(4, Run.withInput("[", "chat-template", template, "--input", "-").code());
    assertEquals(4, Run.withInput("", "chat-template", template, "--input", "-").code());
    assertEquals(3, Run.of("chat-template", template, "--input", "none.json").code());
    assertEquals(3, Run.withInput(HELLO, "chat-template", "none", "--input", "-").code());
    assertEquals(2, Run.of("chat-template", template).code());
    Path base = Files.createDirectory(folder.resolve("base"));
    Run none = Run.withInput(HELLO, "chat-template", base.toString(), "--input", "-");
    assertEquals(4, none.code());
    assertTrue(none.err().contains("carries no chat template"), none.err());
  }

  @Test
  void severalTemplates() throws IOException {
    Path config =
        Files.writeString(
            folder.resolve("tokenizer_config.json"),
            "{\"chat_template\": [{\"name\": \"default\", \"template\": \"d\"},"
                + " {\"name\": \"rag\", \"template\": \"r\"}]}");
    String[] arguments = {
      "chat-template", config.toString(), "--input", "-", "--template-name", "rag"
    };
    assertEquals("r", Run.withInput(HELLO, arguments).out());
    arguments[5] = "none";
    Run wrong = Run.withInput(HELLO, arguments);
    assertEquals(2, wrong.code());
    assertTrue(wrong.err().contains("default, rag"), wrong.err());
  }
}
