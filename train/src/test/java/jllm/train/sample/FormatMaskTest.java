package jllm.train.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import jllm.generate.chat.NamedTemplate;
import jllm.train.DataException;
import org.junit.jupiter.api.Test;

/** What is learned of records of each format, token by token. */
class FormatMaskTest {
  private static final SampleEncoder CHATML = SampleCase.encoder(NamedTemplate.CHATML);
  private static final String USER = "<|im_start|>user\n";
  private static final String ASSISTANT = "<|im_end|>\n<|im_start|>assistant\n";

  private static List<String> masked(SampleEncoder encoder, SampleKeys keys, String record)
      throws IOException {
    return SampleCase.samples(keys, record).stream()
        .map(sample -> SampleCase.masked(encoder, sample))
        .toList();
  }

  private static String masked(String record) throws IOException {
    List<String> masked = masked(CHATML, SampleKeys.USUAL, record);
    assertEquals(1, masked.size());
    return masked.getFirst();
  }

  private static SampleFormat format(String record) throws IOException {
    return SampleCase.samples(SampleKeys.USUAL, record).getFirst().format();
  }

  @Test
  void messages() throws IOException {
    String record =
        """
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"},
          {"role": "assistant", "content": "b"}, {"role": "user", "content": [{"type": "text", "text": "c"}]},
          {"role": "assistant", "content": "d"}], "text": "not this", "id": 3}\
        """;
    assertEquals(SampleFormat.MESSAGES, format(record));
    assertEquals(
        "<|im_start|>system\ns<|im_end|>\n"
            + USER
            + "a"
            + ASSISTANT
            + "⟦b<|im_end|>⟧\n"
            + USER
            + "c"
            + ASSISTANT
            + "⟦d<|im_end|>⟧\n",
        masked(record));
  }

  @Test
  void messagesWithoutWeightAreNotLearned() throws IOException {
    assertEquals(
        USER + "a" + ASSISTANT + "b<|im_end|>\n" + USER + "c" + ASSISTANT + "⟦d<|im_end|>⟧\n",
        masked(
            """
            {"messages": [{"role": "user", "content": "a"},
              {"role": "assistant", "content": "b", "weight": 0}, {"role": "user", "content": "c"},
              {"role": "assistant", "content": "d", "weight": 1}]}\
            """));
  }

  @Test
  void shareGpt() throws IOException {
    String record =
        """
        {"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "a"},
          {"from": "gpt", "value": "b"}]}\
        """;
    assertEquals(SampleFormat.SHAREGPT, format(record));
    assertEquals(
        "<|im_start|>system\ns<|im_end|>\n" + USER + "a" + ASSISTANT + "⟦b<|im_end|>⟧\n",
        masked(record));
    assertEquals(
        "<|im_start|>system\nof the record<|im_end|>\n"
            + USER
            + "a"
            + ASSISTANT
            + "⟦b<|im_end|>⟧\n",
        masked(
            """
            {"system": "of the record", "conversations": [{"from": "human", "value": "a"},
              {"from": "chatgpt", "value": "b"}]}\
            """));
  }

  @Test
  void shareGptWithCallsOfTools() throws IOException {
    Sample sample =
        SampleCase.samples(
                SampleKeys.USUAL,
                """
                {"conversations": [{"from": "human", "value": "a"},
                  {"from": "function_call", "value": "{\\"name\\": \\"f\\", \\"arguments\\": {\\"x\\": 1}}"},
                  {"from": "observation", "value": "2"}, {"from": "gpt", "value": "two"}],
                 "tools": "[{\\"type\\": \\"function\\", \\"function\\": {\\"name\\": \\"f\\", \\"description\\": \\"\\", \\"parameters\\": {}}}]"}\
                """)
            .getFirst();
    Sample.Talk talk = (Sample.Talk) sample;
    assertTrue(talk.chat().hasTools());
    assertEquals("assistant", talk.chat().messages().get(1).role());
    assertEquals("tool", talk.chat().messages().get(2).role());
    SampleEncoder qwen = SampleCase.encoder(SampleCase.fixture("Qwen"), SampleEncoding.USUAL);
    assertEquals(
        List.of(
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call><|im_end|>",
            "two<|im_end|>"),
        SampleCase.learned(SampleCase.masked(qwen, sample)).stream().map(String::strip).toList());
  }

  @Test
  void alpaca() throws IOException {
    String record = "{\"instruction\": \"Add.\", \"input\": \"1+1\", \"output\": \"2\"}";
    assertEquals(SampleFormat.INSTRUCTION, format(record));
    assertEquals(USER + "Add.\n\n1+1" + ASSISTANT + "⟦2<|im_end|>⟧\n", masked(record));
    assertEquals(
        USER + "Say hi." + ASSISTANT + "⟦hi<|im_end|>⟧\n",
        masked("{\"instruction\": \"Say hi.\", \"input\": \"\", \"output\": \"hi\"}"));
    assertEquals(
        USER
            + "q"
            + ASSISTANT
            + "⟦r<|im_end|>⟧\n"
            + USER
            + "Say hi."
            + ASSISTANT
            + "⟦hi<|im_end|>⟧\n",
        masked(
            "{\"instruction\": \"Say hi.\", \"response\": \"hi\", \"history\": [[\"q\", \"r\"]]}"));
  }

  @Test
  void selfInstruct() throws IOException {
    String record =
        """
        {"instruction": "Add.", "instances": [{"input": "1+1", "output": "2"}, {"input": "", "output": "3"}]}\
        """;
    assertEquals(SampleFormat.INSTANCES, format(record));
    assertEquals(
        List.of(
            USER + "Add.\n\n1+1" + ASSISTANT + "⟦2<|im_end|>⟧\n",
            USER + "Add." + ASSISTANT + "⟦3<|im_end|>⟧\n"),
        masked(CHATML, SampleKeys.USUAL, record));
    assertEquals("line 1, instance 2", SampleCase.samples(SampleKeys.USUAL, record).get(1).where());
  }

  @Test
  void promptsWithCompletions() throws IOException {
    String record = "{\"prompt\": \"Q: é\\nA:\", \"completion\": \" b\"}";
    assertEquals(SampleFormat.COMPLETION, format(record));
    assertEquals("Q: é\nA:⟦ b</s>⟧", masked(record));
    SampleEncoder bos =
        new SampleEncoder(
            SampleCase.tokenizer(true),
            _ -> NamedTemplate.CHATML.template(SampleCase.NAMES),
            SampleEncoding.USUAL);
    assertEquals(List.of("<s>Q: é\nA:⟦ b</s>⟧"), masked(bos, SampleKeys.USUAL, record));
    SampleEncoder asMessages =
        SampleCase.encoder(
            NamedTemplate.CHATML.template(SampleCase.NAMES), new SampleEncoding(false, true));
    assertEquals(
        List.of(USER + "Q: é\nA:" + ASSISTANT + "⟦ b<|im_end|>⟧\n"),
        masked(asMessages, SampleKeys.USUAL, record));
    assertEquals("Q:⟦ b</s>⟧", masked("{\"prompt\": \"Q:\", \"completion\": \" b</s>\"}"));
  }

  @Test
  void promptsOfMessagesAreNotLearned() throws IOException {
    assertEquals(
        USER + "a" + ASSISTANT + "b<|im_end|>\n" + USER + "c" + ASSISTANT + "⟦d<|im_end|>⟧\n",
        masked(
            """
            {"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
              {"role": "user", "content": "c"}], "completion": [{"role": "assistant", "content": "d"}]}\
            """));
  }

  @Test
  void texts() throws IOException {
    String record = "{\"text\": \"To be<|im_end|>\"}";
    assertEquals(SampleFormat.TEXT, format(record));
    assertEquals("⟦To be<|im_end|></s>⟧", masked(record));
  }

  @Test
  void theEndOfTheTextEndsAPlainConversation() throws IOException {
    assertEquals(
        List.of("User: a\nAssistant:⟦ b⟧\nUser: c\nAssistant:⟦ d</s>⟧"),
        masked(
            SampleCase.encoder(NamedTemplate.PLAIN),
            SampleKeys.USUAL,
            """
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
              {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}\
            """));
  }

  @Test
  void allIsLearnedIfWished() throws IOException {
    SampleEncoder all =
        SampleCase.encoder(
            NamedTemplate.CHATML.template(SampleCase.NAMES), new SampleEncoding(true, false));
    assertEquals(
        List.of("⟦" + USER + "Add." + ASSISTANT + "2<|im_end|>\n⟧"),
        masked(all, SampleKeys.USUAL, "{\"instruction\": \"Add.\", \"output\": \"2\"}"));
    assertEquals(
        List.of("⟦Q: b</s>⟧"),
        masked(all, SampleKeys.USUAL, "{\"prompt\": \"Q:\", \"completion\": \" b\"}"));
  }

  @Test
  void fieldsOfOtherNames() throws IOException {
    assertEquals(
        List.of(USER + "a" + ASSISTANT + "⟦b<|im_end|>⟧\n"),
        masked(
            CHATML,
            new SampleKeys("talk", null, null, null),
            "{\"text\": \"x\", \"talk\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\":"
                + " \"model\", \"content\": \"b\"}]}"));
    assertEquals(
        List.of("a⟦b</s>⟧"),
        masked(
            CHATML,
            new SampleKeys(null, "question", "answer", null),
            "{\"messages\": [], \"question\": \"a\", \"answer\": \"b\"}"));
    assertEquals(
        List.of("⟦a</s>⟧"),
        masked(CHATML, new SampleKeys(null, null, null, "body"), "{\"body\": \"a\"}"));
  }

  @Test
  void damagedRecordsAreNamed() {
    String[][] cases = {
      {"{\"question\": \"a\"}", "found question", "--prompt-key"},
      {"{\"messages\": \"a\"}", "'messages' is a text", "list of messages"},
      {"{\"messages\": [{\"content\": \"a\"}]}", "message 1", "who speaks"},
      {"{\"messages\": [{\"role\": \"user\"}]}", "message 1", "no content"},
      {
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}",
        "part of type image_url",
        "text"
      },
      {"{\"prompt\": \"a\", \"completion\": 3}", "'completion' is no text", "number 3"},
      {"{\"instruction\": \"a\", \"instances\": []}", "instances", "at least one"},
    };
    for (String[] test : cases) {
      String message =
          String.valueOf(
              assertThrows(DataException.class, () -> SampleCase.samples(SampleKeys.USUAL, test[0]))
                  .getMessage());
      assertTrue(message.startsWith("line 1"), message);
      assertTrue(message.contains(test[1]) && message.contains(test[2]), message);
    }
  }
}
