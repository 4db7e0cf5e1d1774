package jllm.generate.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jllm.generate.jinja.TemplateException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Renderings of conversations. */
class ChatTemplateTest {
  private static final List<Message> TALK =
      List.of(
          Message.system("Be brief."),
          Message.user("Hello"),
          Message.assistant("Hi"),
          Message.user("Bye"));

  private static void check(List<ChatFixtures.Case> cases) {
    assertTrue(cases.size() > 60, "only " + cases.size() + " cases");
    for (ChatFixtures.Case c : cases) {
      if (c.fails()) {
        TemplateException error =
            assertThrows(TemplateException.class, () -> c.template().render(c.chat()), c.name());
        assertEquals(c.expected(), error.getMessage(), c.name());
      } else {
        assertEquals(c.expected(), c.template().render(c.chat()).text(), c.name());
      }
    }
  }

  @Test
  void templatesOfRealModels() throws IOException {
    check(ChatFixtures.templates());
  }

  @Test
  void probesOfTheLanguage() throws IOException {
    check(ChatFixtures.probes());
  }

  private static String named(NamedTemplate name) {
    return name.template(Map.of("bos_token", "<s>", "eos_token", "</s>")).render(TALK, true);
  }

  @Test
  void namedTemplates() {
    assertEquals(
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
            + "<|im_start|>assistant\nHi<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
            + "<|im_start|>assistant\n",
        named(NamedTemplate.CHATML));
    assertEquals(
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello [/INST] Hi </s><s>[INST] Bye [/INST]",
        named(NamedTemplate.LLAMA2));
    assertEquals(
        "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\n\nHi<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\n\n",
        named(NamedTemplate.LLAMA3));
    assertEquals(
        "<s>[INST] Be brief.\n\nHello [/INST] Hi</s>[INST] Bye [/INST]",
        named(NamedTemplate.MISTRAL));
    assertEquals(
        "<s><start_of_turn>user\nBe brief.\n\nHello<end_of_turn>\n<start_of_turn>model\nHi"
            + "<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n",
        named(NamedTemplate.GEMMA));
    assertEquals(
        "<|system|>\nBe brief.<|end|>\n<|user|>\nHello<|end|>\n<|assistant|>\nHi<|end|>\n"
            + "<|user|>\nBye<|end|>\n<|assistant|>\n",
        named(NamedTemplate.PHI3));
    assertEquals(
        "<|system|>\nBe brief.</s>\n<|user|>\nHello</s>\n<|assistant|>\nHi</s>\n"
            + "<|user|>\nBye</s>\n<|assistant|>\n",
        named(NamedTemplate.ZEPHYR));
    assertEquals(
        "Be brief.\n\n### Instruction:\nHello\n\n### Response:\nHi</s>\n\n"
            + "### Instruction:\nBye\n\n### Response:\n",
        named(NamedTemplate.ALPACA));
    assertEquals(
        "Be brief.\n\nUSER: Hello\nASSISTANT: Hi</s>\nUSER: Bye\nASSISTANT:",
        named(NamedTemplate.VICUNA));
  }

  @Test
  void templatesOfAFolder(@TempDir Path folder) throws IOException {
    Path config = folder.resolve("tokenizer_config.json");
    Files.writeString(config, "{\"bos_token\": {\"content\": \"<b>\"}}");
    ChatTemplates none = ChatTemplates.read(folder);
    assertTrue(none.select(false).isEmpty());
    assertTrue(none.absence().contains("no chat template"));
    Files.writeString(
        config,
        "{\"bos_token\": {\"content\": \"<b>\"}, \"chat_template\": [{\"name\": \"default\","
            + " \"template\": \"{{ bos_token }}d\"}, {\"name\": \"tool_use\", \"template\":"
            + " \"t\"}]}");
    ChatTemplates two = ChatTemplates.read(folder);
    assertEquals(List.of("default", "tool_use"), two.names());
    assertEquals("<b>d", two.select(false).orElseThrow().render(List.of(), false));
    assertEquals("t", two.select(true).orElseThrow().render(List.of(), false));
    Files.writeString(folder.resolve("chat_template.jinja"), "own");
    assertEquals(
        "own", ChatTemplates.read(folder).select(false).orElseThrow().render(List.of(), false));
  }
}
