package jllm.generate.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Which characters the assistant wrote. */
class AssistantSpansTest {
  private static final List<Message> TALK =
      List.of(
          Message.user("Hello"),
          Message.assistant("Hi there"),
          Message.user("Hi there"),
          Message.assistant("Bye"));

  private static List<String> texts(AssistantSpans.Result result) {
    return result.spans().stream()
        .map(span -> result.text().substring(span.start(), span.end()))
        .toList();
  }

  private static List<String> turns(NamedTemplate name) {
    ChatTemplate template = name.template(Map.of("bos_token", "<s>", "eos_token", "</s>"));
    return texts(AssistantSpans.of(template, new Conversation(TALK, false)));
  }

  @Test
  void namedTemplates() {
    Map<NamedTemplate, List<String>> expected = new LinkedHashMap<>();
    expected.put(NamedTemplate.CHATML, List.of("Hi there<|im_end|>", "Bye<|im_end|>"));
    expected.put(NamedTemplate.LLAMA2, List.of(" Hi there </s>", " Bye </s>"));
    expected.put(NamedTemplate.LLAMA3, List.of("Hi there<|eot_id|>", "Bye<|eot_id|>"));
    expected.put(NamedTemplate.MISTRAL, List.of(" Hi there</s>", " Bye</s>"));
    expected.put(NamedTemplate.GEMMA, List.of("Hi there<end_of_turn>", "Bye<end_of_turn>"));
    expected.put(NamedTemplate.PHI3, List.of("Hi there<|end|>", "Bye<|end|>"));
    expected.put(NamedTemplate.ZEPHYR, List.of("Hi there</s>", "Bye</s>"));
    expected.put(NamedTemplate.ALPACA, List.of("Hi there</s>", "Bye</s>"));
    expected.put(NamedTemplate.VICUNA, List.of(" Hi there</s>", " Bye</s>"));
    expected.forEach((name, turns) -> assertEquals(turns, turns(name), name.label()));
  }

  @Test
  void templatesOfRealModels() throws IOException {
    Map<String, String> ends =
        Map.of(
            "No",
            "<|im_end|>",
            "Qw",
            "<|im_end|>",
            "go",
            "<end_of_turn>",
            "me",
            "<|eot_id|>",
            "mi",
            "");
    List<String> seen = new ArrayList<>();
    for (ChatFixtures.Case c : ChatFixtures.templates()) {
      String model = c.name().substring(0, c.name().indexOf(' '));
      Conversation chat = c.chat().with(TALK, c.chat().generationPrompt());
      String end =
          switch (model.substring(0, 3)) {
            case "mic" -> "<|end|>";
            case "mis" -> "</s>";
            default -> ends.getOrDefault(model.substring(0, 2), "?");
          };
      AssistantSpans.Result result = AssistantSpans.of(c.template(), chat);
      assertEquals(List.of("Hi there" + end, "Bye" + end), texts(result), c.name() + result.text());
      seen.add(model);
    }
    assertEquals(6, seen.stream().distinct().count());
  }

  @Test
  void toolCalls() {
    ChatTemplate template =
        ChatTemplate.of(
            "calls",
            "{% for m in messages %}<{{ m.role }}>{% if m.calls %}{{ m.calls|tojson }}{% else %}"
                + "{{ m.content }}{% endif %}<end>\n{% endfor %}"
                + "{% if add_generation_prompt %}<assistant>{% endif %}",
            Map.of());
    List<Message> messages =
        List.of(
            Message.user("x"),
            new Message(Map.of("role", "assistant", "calls", List.of("f"))),
            Message.of("tool", "1"),
            Message.assistant("one"));
    assertEquals(
        List.of("[\"f\"]<end>", "one<end>"),
        texts(AssistantSpans.of(template, new Conversation(messages, false))));
  }

  @Test
  void generationBlocksSayIt() {
    ChatTemplate template =
        ChatTemplate.of(
            "blocks",
            "{% for m in messages %}[{% if m.role == 'assistant' %}{% generation %}{{ m.content }}!"
                + "{% endgeneration %}{% else %}{{ m.content }}{% endif %}]{% endfor %}",
            Map.of());
    assertEquals(
        List.of("Hi there!", "Bye!"),
        texts(AssistantSpans.of(template, new Conversation(TALK, false))));
  }

  @Test
  void whatCannotBeFoundIsAnError() {
    ChatTemplate template =
        ChatTemplate.of(
            "reversed", "{% for m in messages|reverse %}{{ m.role }}{% endfor %}", Map.of());
    assertThrows(
        UnknownTurnException.class,
        () -> AssistantSpans.of(template, new Conversation(TALK, false)));
  }
}
