package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the options of {@code generate} do, on a model that writes real words. */
class GenerateTest {
  private static final String GREEDY =
      ", as I sense the nodes, a gentle hum of probability. Contrast emerge, a flower, as I adjust";

  /** Greedy text after {@code In my dream}. */
  private static Program.Result dream(String... more) {
    String[] args = new String[more.length + 4];
    System.arraycopy(new String[] {"--temp", "0", "-p", "In my dream"}, 0, args, 0, 4);
    System.arraycopy(more, 0, args, 4, more.length);
    return Program.run(Program.dream(args));
  }

  private static JsonNode json(Program.Result result) throws IOException {
    assertEquals(0, result.code(), result.err());
    return new ObjectMapper().readTree(result.out());
  }

  @Test
  void theContinuationAloneGoesToStandardOutput() {
    Program.Result result = dream("-n", "40");
    assertTrue(GREEDY.startsWith(result.out()) && result.out().length() > 20, result.out());
    assertTrue(
        result
            .err()
            .matches(
                "load .* s; prompt 8 tokens, .*; decode 39 tokens, .*; stopped at the token limit\n"),
        result.err());
  }

  @Test
  void quietSaysNothing() {
    assertEquals("", dream("-n", "4", "-q").err());
  }

  @Test
  void thePromptComesAlsoFromFileAndStandardInputWithoutItsLastLineBreak(@TempDir Path folder)
      throws IOException {
    String expected = dream("-n", "20").out();
    Path file = Files.writeString(folder.resolve("prompt"), "In my dream\n");
    assertEquals(
        expected,
        Program.run(Program.dream("--temp", "0", "-n", "20", "-f", file.toString())).out());
    assertEquals(
        expected,
        Program.runWithInput("In my dream", Program.dream("--temp", "0", "-n", "20")).out());
    assertEquals(
        expected,
        Program.runWithInput("In my dream\r\n", Program.dream("--temp", "0", "-n", "20", "-f", "-"))
            .out());
  }

  @Test
  void aStopStringAcrossTokensEndsTheTextBeforeIt() throws IOException {
    Program.Result result = dream("--stop", "nodes, a gen", "--json");
    JsonNode json = json(result);
    assertEquals(", as I sense the ", json.get("text").asText());
    assertEquals("stop_string", json.get("stop_reason").asText());
    assertEquals(", as I sense the ", dream("--stop", "xyz", "--stop", "nodes, a gen").out());
  }

  @Test
  void withoutStreamingTheTextIsTheSame() {
    assertEquals(dream("-n", "30").out(), dream("-n", "30", "--no-stream").out());
  }

  @Test
  void jsonHoldsTextTokensReasonAndTimes() throws IOException {
    JsonNode json = json(dream("-n", "12", "--json", "--seed", "7"));
    assertTrue(GREEDY.startsWith(json.get("text").asText()));
    assertEquals(12, json.get("tokens").size());
    assertEquals("token_limit", json.get("stop_reason").asText());
    assertEquals("In my dream", json.get("prompt").asText());
    assertEquals(1, json.get("prompt_tokens").get(0).asInt());
    assertEquals(7, json.get("seed").asLong());
    assertEquals(11, json.get("timings").get("decode_tokens").asInt());
    assertTrue(json.get("timings").get("prompt_seconds").asDouble() > 0);
  }

  @Test
  void noTokensMayBeAskedFor() {
    Program.Result result = dream("-n", "0");
    assertEquals(0, result.code());
    assertEquals("", result.out());
  }

  @Test
  void theSameSeedGivesTheSameText() {
    String[] seven = Program.dream("-p", "In my dream", "-n", "60", "-s", "7");
    String[] eight = Program.dream("-p", "In my dream", "-n", "60", "-s", "8");
    String text = Program.run(seven).out();
    assertEquals(text, Program.run(seven).out());
    assertNotEquals(text, Program.run(eight).out());
  }

  @Test
  void aRepeatPenaltyAvoidsRepetition() {
    String plain = dream("-n", "100").out();
    String varied = dream("-n", "100", "--repeat-penalty", "1.5").out();
    assertTrue(plain.contains("as I adjust, as I adjust"), plain);
    assertFalse(varied.contains("as I adjust, as I adjust"), varied);
  }

  @Test
  void theContextEndsTheText() throws IOException {
    JsonNode json = json(dream("-c", "20", "--json"));
    assertEquals("context_full", json.get("stop_reason").asText());
    // 8 of the 20 positions are the prompt's; the last token needs none.
    assertEquals(13, json.get("tokens").size());
  }

  @Test
  void aPromptLongerThanTheContextSaysByHowMuch() {
    Program.Result result = dream("-c", "3");
    assertEquals(2, result.code());
    assertTrue(result.err().startsWith("jllm: the prompt has 8 tokens, 5 more than"), result.err());
  }

  @Test
  void aModelMayEndTheTextUnlessToldNotTo() throws IOException {
    // The model ends its texts with BOS, some seeds within the limit.
    int ended = 0;
    for (int seed = 0; seed < 20; seed++) {
      String[] args = {"-p", "", "--temp", "1.5", "-s", "" + seed, "-n", "-1", "--json"};
      JsonNode json = json(Program.run(Program.dream(args)));
      if (json.get("stop_reason").asText().equals("end_of_text")) {
        ended++;
        assertFalse(json.get("text").asText().contains("<s>"));
        String[] on = java.util.Arrays.copyOf(args, args.length + 1);
        on[args.length] = "--ignore-eos";
        JsonNode further = json(Program.run(Program.dream(on)));
        assertEquals("context_full", further.get("stop_reason").asText());
        assertEquals(128, further.get("tokens").size());
      }
    }
    assertTrue(ended > 0, "no text of 20 ended");
  }

  @Test
  void aReaderThatLeavesEndsItQuietly() {
    OutputStream closing =
        new OutputStream() {
          private int left = 10;

          @Override
          public void write(int value) throws IOException {
            if (left-- <= 0) {
              throw new IOException("Broken pipe");
            }
          }
        };
    Program.Result result = Program.runInto(closing, "", Program.dream("-p", ""));
    assertEquals(0, result.code());
    assertEquals("", result.err());
  }

  @Test
  void textsThatAreNoUtf8AreRefused(@TempDir Path folder) throws IOException {
    Path file =
        Files.write(folder.resolve("latin1"), "caf\u00e9".getBytes(StandardCharsets.ISO_8859_1));
    Program.Result result = Program.run(Program.dream("-f", file.toString()));
    assertEquals(4, result.code());
    assertTrue(result.err().contains("latin1 is not valid UTF-8"), result.err());
  }
}
