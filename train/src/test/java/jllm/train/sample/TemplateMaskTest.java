package jllm.train.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import jllm.generate.chat.ChatTemplate;
import jllm.generate.chat.NamedTemplate;
import jllm.train.DataException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is learned of conversations, token by token, with templates that do this and that. */
class TemplateMaskTest {
  private static final String TALK =
      """
      {"messages": [{"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi there, Zoë"},
        {"role": "user", "content": "Hi there, Zoë"},
        {"role": "assistant", "content": "  Bye <|im_end|> </s>\\n"}]}\
      """;

  private static final String TOOLS =
      """
      {"messages": [{"role": "user", "content": "Warm?"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "abcdefghi", "type": "function",
          "function": {"name": "heat", "arguments": "{\\"town\\": \\"Ulm\\"}"}}]},
        {"role": "tool", "name": "heat", "tool_call_id": "abcdefghi", "content": "21"},
        {"role": "assistant", "content": "Yes, 21."}],
       "tools": [{"type": "function", "function": {"name": "heat", "description": "How warm",
         "parameters": {"type": "object", "properties": {"town": {"type": "string",
           "description": "Where"}}, "required": ["town"]}}}]}\
      """;

  private static final String THINKING =
      """
      {"messages": [{"role": "user", "content": "1+1"},
        {"role": "assistant", "content": "<think>\\neasy\\n</think>\\n\\n2"},
        {"role": "user", "content": "2+2"},
        {"role": "assistant", "content": "<think>\\nhard\\n</think>\\n\\n4"}]}\
      """;

  /** Drops the reasoning of earlier turns and always writes some in the last one, as Qwen3 does. */
  private static final String DROPS_THINKING =
      """
      {%- set ns = namespace(last=0) %}
      {%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}
      {%- for m in messages %}
      {%- set content = m.content %}{% set reasoning = '' %}
      {%- if m.role == 'assistant' and '</think>' in content %}
      {%- set reasoning = content.split('</think>')[0].split('<think>')[-1].strip('\\n') %}
      {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
      {%- endif %}
      {{- '<|im_start|>' + m.role + '\\n' }}
      {%- if m.role == 'assistant' and loop.index0 > ns.last %}
      {{- '<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' }}
      {%- endif %}
      {{- content + '<|im_end|>\\n' }}
      {%- endfor %}
      {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}\
      """;

  private static String masked(ChatTemplate template, String record) throws IOException {
    SampleEncoder encoder = SampleCase.encoder(template, SampleEncoding.USUAL);
    Sample sample = SampleCase.samples(SampleKeys.USUAL, record).getFirst();
    String masked = SampleCase.masked(encoder, sample);
    assertEquals(
        template.render(((Sample.Talk) sample).chat()).text().strip(),
        SampleCase.text(masked).strip(),
        "what is read is what the template writes");
    return masked;
  }

  /** The conversation with tools, which one of the templates needs. */
  private static String withTools(String talk) {
    return talk.substring(0, talk.lastIndexOf('}'))
        + TOOLS.substring(TOOLS.indexOf("Yes, 21.\"}],") + "Yes, 21.\"}]".length());
  }

  private static List<String> learned(ChatTemplate template, String record) throws IOException {
    return SampleCase.learned(masked(template, record));
  }

  @ParameterizedTest
  @CsvSource({
    "Qwen, <|im_end|>",
    "Nous, <|im_end|>",
    "google, <end_of_turn>",
    "meta, <|eot_id|>",
    "microsoft, <|end|>",
    "mistral, </s>"
  })
  void everyAnswerWithItsEnd(String model, String end) throws IOException {
    List<String> learned =
        learned(SampleCase.fixture(model), model.equals("Nous") ? withTools(TALK) : TALK);
    assertEquals(2, learned.size(), learned.toString());
    assertEquals("Hi there, Zoë" + end, learned.get(0));
    // Some templates strip what was said, but what looks like a special token stays text.
    assertEquals(
        ("Bye <|im_end|> </s>" + end).replaceAll("\\s", ""), learned.get(1).replaceAll("\\s", ""));
  }

  @ParameterizedTest
  @EnumSource(NamedTemplate.class)
  void namedTemplates(NamedTemplate name) throws IOException {
    ChatTemplate template = name.template(SampleCase.NAMES);
    SampleEncoder encoder = SampleCase.encoder(template, SampleEncoding.USUAL);
    RenderedSample rendered = encoder.render(SampleCase.samples(SampleKeys.USUAL, TALK).getFirst());
    List<String> learned = SampleCase.learned(SampleCase.masked(encoder, rendered));
    assertEquals(2, learned.size(), learned.toString());
    assertTrue(learned.get(0).strip().startsWith("Hi there, Zoë"), learned.get(0));
    assertTrue(learned.get(1).strip().startsWith("Bye <|im_end|> </s>"), learned.get(1));
    String end =
        switch (name) {
          case CHATML -> "<|im_end|>";
          case LLAMA3 -> "<|eot_id|>";
          case GEMMA -> "<end_of_turn>";
          case PHI3 -> "<|end|>";
          case LLAMA2, MISTRAL, ZEPHYR, ALPACA, VICUNA, PLAIN -> "</s>";
        };
    int last = rendered.turns().getLast().end() - 1;
    assertEquals(SampleCase.id(end), rendered.tokens().id(last), name.label());
    assertTrue(rendered.tokens().id(last - 1) < 256, "one end, behind a text that looks like one");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      value = {
        "Qwen # <tool_call>\\n{\"name\": \"heat\", \"arguments\": {\"town\":"
            + " \"Ulm\"}}\\n</tool_call><|im_end|> # Yes, 21.<|im_end|>",
        "Nous # <tool_call>\\n{\"name\": \"heat\", \"arguments\": {\"town\":"
            + " \"Ulm\"}}\\n</tool_call><|im_end|> # Yes, 21.<|im_end|>",
        "meta # {\"name\": \"heat\", \"parameters\": {\"town\": \"Ulm\"}}<|eot_id|> # Yes,"
            + " 21.<|eot_id|>",
        "mistral # [TOOL_CALLS][{\"name\": \"heat\", \"arguments\": {\"town\": \"Ulm\"}, \"id\":"
            + " \"abcdefghi\"}]</s> # Yes, 21.</s>"
      })
  void callsOfToolsAreAnswers(String model, String call, String answer) throws IOException {
    List<String> learned = learned(SampleCase.fixture(model), TOOLS);
    assertEquals(2, learned.size(), learned.toString());
    assertEquals(call.replace("\\n", "\n"), learned.get(0).strip());
    assertEquals(answer, learned.get(1));
  }

  @ParameterizedTest
  @CsvSource({"Qwen", "Nous", "meta", "microsoft", "mistral"})
  void whatTheSystemSaysIsNotLearned(String model) throws IOException {
    String talk = TALK.replace("[{", "[{\"role\": \"system\", \"content\": \"Be brief.\"}, {");
    String masked =
        masked(SampleCase.fixture(model), model.equals("Nous") ? withTools(talk) : talk);
    // The last one writes it before a message at the end alone.
    assertEquals(!model.equals("mistral"), masked.contains("Be brief."));
    assertTrue(SampleCase.learned(masked).stream().noneMatch(part -> part.contains("brief")));
    assertEquals(2, SampleCase.learned(masked).size());
  }

  @Test
  void aTemplateThatRefusesIsNamedWithTheLine() throws IOException {
    String talk = TALK.replace("[{", "[{\"role\": \"system\", \"content\": \"Be brief.\"}, {");
    SampleEncoder gemma = SampleCase.encoder(SampleCase.fixture("google"), SampleEncoding.USUAL);
    Sample sample = SampleCase.samples(SampleKeys.USUAL, talk).getFirst();
    String message =
        String.valueOf(assertThrows(DataException.class, () -> gemma.render(sample)).getMessage());
    assertTrue(message.startsWith("line 1: the chat template refuses this conversation"), message);
  }

  @Test
  void droppedReasoningIsNotLearnedAndKeptReasoningIs() throws IOException {
    ChatTemplate template = ChatTemplate.of("thinks", DROPS_THINKING, SampleCase.NAMES);
    assertEquals(
        "<|im_start|>user\n1+1<|im_end|>\n<|im_start|>assistant\n⟦2<|im_end|>⟧\n"
            + "<|im_start|>user\n2+2<|im_end|>\n<|im_start|>assistant\n"
            + "⟦<think>\nhard\n</think>\n\n4<|im_end|>⟧\n",
        masked(template, THINKING));
    // Without reasoning the template writes empty one, which is an answer's beginning too.
    assertEquals(
        List.of(
            "Hi there, Zoë<|im_end|>", "<think>\n\n</think>\n\n  Bye <|im_end|> </s>\n<|im_end|>"),
        learned(template, TALK));
  }

  @Test
  void reasoningThatThePromptBeginsIsNotLearned() throws IOException {
    String prompts =
        DROPS_THINKING.replace("assistant\\n' }}{% endif", "assistant\\n<think>\\n' }}{% endif");
    ChatTemplate template = ChatTemplate.of("begins", prompts, SampleCase.NAMES);
    assertEquals(
        List.of("2<|im_end|>", "hard\n</think>\n\n4<|im_end|>"), learned(template, THINKING));
  }

  @Test
  void generationBlocksSayIt() throws IOException {
    ChatTemplate template =
        ChatTemplate.of(
            "blocks",
            "{% for m in messages %}<|im_start|>{{ m.role }}: {% if m.role == 'assistant' %}"
                + "{% generation %}{{ m.content | trim }}<|im_end|>{% endgeneration %}{% else %}"
                + "{{ m.content }}<|im_end|>{% endif %}{% endfor %}",
            SampleCase.NAMES);
    assertEquals(
        "<|im_start|>user: Hello<|im_end|><|im_start|>assistant: ⟦Hi there, Zoë<|im_end|>⟧"
            + "<|im_start|>user: Hi there, Zoë<|im_end|><|im_start|>assistant: "
            + "⟦Bye <|im_end|> </s><|im_end|>⟧",
        masked(template, TALK));
  }

  @Test
  void blocksThatLeaveOutTheEndOfATurn() throws IOException {
    ChatTemplate template =
        ChatTemplate.of(
            "blocks",
            "{% for m in messages %}<|im_start|>{{ m.role }}: {% if m.role == 'assistant' %}"
                + "{% generation %}{{ m.content | trim }}{% endgeneration %}{% else %}"
                + "{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}",
            SampleCase.NAMES);
    assertEquals(
        List.of("Hi there, Zoë<|im_end|>", "Bye <|im_end|> </s><|im_end|>"),
        learned(template, TALK));
  }

  @Test
  void systemTextInsideTheFirstTurnOfTheUser() throws IOException {
    String talk = TALK.replace("[{", "[{\"role\": \"system\", \"content\": \"Be brief.\"}, {");
    assertEquals(
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello [/INST]⟦ Hi there, Zoë </s>⟧"
            + "<s>[INST] Hi there, Zoë [/INST]⟦ Bye <|im_end|> </s> </s>⟧",
        masked(NamedTemplate.LLAMA2.template(SampleCase.NAMES), talk));
  }

  @Test
  void contentsInPartsWhereTheTemplateWantsThem() throws IOException {
    ChatTemplate template =
        ChatTemplate.of(
            "parts",
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for part in m.content %}"
                + "{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n"
                + "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
            SampleCase.NAMES);
    SampleEncoder encoder = SampleCase.encoder(template, SampleEncoding.USUAL);
    String record =
        """
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
          {"role": "assistant", "content": "c"}]}\
        """;
    assertEquals(
        "<|im_start|>user\na\nb<|im_end|>\n<|im_start|>assistant\n⟦c<|im_end|>⟧\n",
        SampleCase.masked(encoder, SampleCase.samples(SampleKeys.USUAL, record).getFirst()));
  }

  @Test
  void answersThatCannotBeFoundAreAnError() throws IOException {
    ChatTemplate template =
        ChatTemplate.of(
            "reversed", "{% for m in messages|reverse %}{{ m.role }}{% endfor %}", Map.of());
    SampleEncoder encoder = SampleCase.encoder(template, SampleEncoding.USUAL);
    Sample sample = SampleCase.samples(SampleKeys.USUAL, TALK).getFirst();
    String message =
        String.valueOf(
            assertThrows(DataException.class, () -> encoder.render(sample)).getMessage());
    assertTrue(message.contains("line 1") && message.contains("message 1"), message);
  }
}
