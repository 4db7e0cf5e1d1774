package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The further options of {@code generate}, on a model that writes real words. */
class DecodingTest {
  @TempDir private Path folder = Path.of("");

  private static Program.Result dream(String... more) {
    return Program.run(Program.dream(more));
  }

  private static JsonNode json(String text) throws IOException {
    return new ObjectMapper().readTree(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "--presence-penalty 101; --presence-penalty is 101, expected -100 to 100",
        "--frequency-penalty -101; --frequency-penalty is -101, expected -100 to 100",
        "--logit-bias 12; '12' is no bias",
        "--logit-bias 12+inf; out of range, expected -1000 to 1000, or -inf",
        "--logit-bias 512+1; logit bias names token 512, expected 0 to 511",
        "--stop-token 512; stop token list names token 512, expected 0 to 511",
        "--logprobs 101; --logprobs is 101, expected 0 to 100",
        "--num-beams 0; --num-beams is 0, expected 1 to 1024",
        "--num-beams 2 --num-return-sequences 3; --num-return-sequences is 3, expected 1 to 2",
        "--num-beams 2 --temp 1 --top-k 3; --num-beams does not go with --temp, --top-k",
        "--length-penalty 2; belong to a beam search",
        "--num-beams 2 --early-stopping maybe; expected true, false or never",
        "--cache-type f8; 'f8' is no cache type, expected f32, f16, bf16 or q8_0",
        "--cache-type f16 -ctk f32; --cache-type is for keys and values",
        "--cache-type q8_0; stores blocks of 32 elements, but the heads of this model have 16",
        "--keep 3; --keep says what --context-shift keeps",
        "--prompt-cache-ro; --prompt-cache-ro says how to use --prompt-cache",
        "--explain --json; --explain does not go with --json",
        "--parallel 2; --parallel is for several prompts",
        "--prompts -; --prompts does not go with --prompt"
      })
  void whatIsOutOfRangeOrContradictoryIsRefused(String options, String message) {
    String[] args = ("-p x -n 2 " + options).split(" ");
    Program.Result result = dream(args);
    assertEquals(2, result.code(), result.err());
    assertEquals("", result.out());
    assertTrue(result.err().contains(message), result.err());
  }

  @Test
  void aBannedTokenAndAStopTokenDoNotComeUp() throws IOException {
    String[] greedy = {"--temp", "0", "-p", "In my dream", "-n", "6", "--json"};
    JsonNode plain = json(dream(greedy).out());
    int first = plain.get("tokens").get(0).asInt();
    int third = plain.get("tokens").get(2).asInt();
    JsonNode banned = json(dream(with(greedy, "--logit-bias", first + "-inf")).out());
    assertFalse(banned.get("tokens").toString().matches(".*\\b" + first + "\\b.*"));
    JsonNode stopped = json(dream(with(greedy, "--stop-token", third + "")).out());
    assertEquals(2, stopped.get("tokens").size());
    assertEquals("stop_token", stopped.get("stop_reason").asText());
  }

  private static String[] with(String[] args, String... more) {
    List<String> all = new ArrayList<>(List.of(args));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @Test
  void logprobsAreThoseOfTheModelWhateverTheTemperature() throws IOException {
    String[] args = {"-p", "In my dream", "-n", "5", "--json", "--logprobs", "3", "-s", "5"};
    JsonNode hot = json(dream(with(args, "--temp", "5", "--min-p", "0")).out());
    assertEquals(5, hot.get("logprobs").size());
    JsonNode step = hot.get("logprobs").get(0);
    assertEquals(3, step.get("top").size());
    JsonNode greedy = json(dream(with(args, "--temp", "0")).out());
    assertEquals(step.get("top"), greedy.get("logprobs").get(0).get("top"));
    assertEquals(
        greedy.get("logprobs").get(0).get("logprob"), step.get("top").get(0).get("logprob"));
    assertTrue(step.get("logprob").asDouble() < 0);
  }

  @Test
  void explainShowsWhatFiltersDid() {
    Program.Result result =
        dream("-p", "In my dream", "-n", "2", "--explain", "--top-k", "2", "-s", "1");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("\u2717 top-k 2"), result.out());
    assertTrue(result.out().contains("\u2588"), result.out());
    assertFalse(result.out().contains("\u001b"), "colours without a terminal");
    assertTrue(result.out().lines().allMatch(line -> line.length() <= 100), result.out());
  }

  /** Beyond the context with a shift; without one the text ends there. */
  @Test
  void aContextShiftGoesOn() throws IOException {
    String[] args = {"--temp", "0", "-p", "In my dream", "-n", "60", "-c", "24", "--json"};
    assertEquals("context_full", json(dream(args).out()).get("stop_reason").asText());
    JsonNode shifted = json(dream(with(args, "--context-shift", "--keep", "-1")).out());
    assertEquals(60, shifted.get("tokens").size());
    assertTrue(shifted.get("context_shifts").asInt() > 1);
  }

  @Test
  void aPromptCacheSavesWorkAndChangesNothing() throws IOException {
    String cache = folder.resolve("cache").toString();
    String[] args = {"--temp", "0", "-c", "100", "-n", "20", "--json", "-p", "In my dream"};
    JsonNode plain = json(dream(args).out());
    JsonNode first = json(dream(with(args, "--prompt-cache", cache)).out());
    assertEquals(0, first.get("timings").get("reused_tokens").asInt());
    byte[] written = Files.readAllBytes(Path.of(cache));
    JsonNode second = json(dream(with(args, "--prompt-cache", cache, "--prompt-cache-ro")).out());
    assertEquals(7, second.get("timings").get("reused_tokens").asInt());
    assertEquals(plain.get("text"), first.get("text"));
    assertEquals(plain.get("text"), second.get("text"));
    assertEquals(written.length, Files.size(Path.of(cache)));

    Program.Result other =
        Program.run(
            "generate",
            "-m",
            Fixtures.model("llama-f32.gguf").toString(),
            "-p",
            "x",
            "--prompt-cache",
            cache);
    assertEquals(4, other.code());
    assertTrue(other.err().contains("belongs to another model"), other.err());
  }

  /** Of many prompts side by side each gives what it gives alone. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8})
  void manyPromptsGiveWhatEachGivesAlone(int parallel) throws IOException {
    String[] prompts = {"In my dream", "The edge", "I", "As the light", "Once", "Vectors of"};
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < prompts.length; i++) {
      lines.append(
          "{\"id\": \"p%d\", \"prompt\": \"%s\", \"n\": %d, \"seed\": %d, \"temp\": %s}\n\n"
              .formatted(i, prompts[i], 10 + 7 * i, i, i % 2 == 0 ? "1.2" : "0"));
    }
    Path file = Files.writeString(folder.resolve("prompts.jsonl"), lines);
    Program.Result result =
        dream("--prompts", file.toString(), "--parallel", "" + parallel, "-c", "80", "-q");
    assertEquals(0, result.code(), result.err());
    List<String> answers = result.out().lines().toList();
    assertEquals(prompts.length, answers.size());
    for (int i = 0; i < prompts.length; i++) {
      JsonNode answer = json(answers.get(i));
      JsonNode alone =
          json(
              dream(
                      "-p",
                      prompts[i],
                      "-n",
                      "" + (10 + 7 * i),
                      "-s",
                      "" + i,
                      "-c",
                      "80",
                      "--temp",
                      i % 2 == 0 ? "1.2" : "0",
                      "--json")
                  .out());
      assertEquals("p" + i, answer.get("id").asText());
      assertEquals(alone.get("tokens"), answer.get("tokens"), "prompt " + i);
      assertEquals(alone.get("text"), answer.get("text"));
      assertEquals(alone.get("stop_reason"), answer.get("stop_reason"));
    }
  }

  @Test
  void promptsMayBePlainLinesAndNone() throws IOException {
    Program.Result plain =
        Program.runWithInput("In my\n\nThe edge\n", Program.dream("--prompts", "-", "-n", "3"));
    assertEquals(0, plain.code(), plain.err());
    assertEquals(2, plain.out().lines().count());
    Program.Result none = Program.runWithInput("", Program.dream("--prompts", "-"));
    assertEquals(0, none.code(), none.err());
    assertEquals("", none.out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"text\": \"a\"}",
        "{\"prompt\": \"a\", \"n\": -2}",
        "{\"prompt\": ",
        "{\"prompt\": 3}"
      })
  void aLineThatIsWrongIsNamed(String line) {
    String lines = "{\"prompt\": \"a\"}\n" + line + "\n";
    Program.Result result = Program.runWithInput(lines, Program.dream("--prompts", "-"));
    assertEquals(4, result.code(), result.err());
    assertTrue(result.err().startsWith("jllm: standard input, line 2: "), result.err());
  }

  @Test
  void aBeamSearchFindsWhatIsMoreProbableThanGreedy() throws IOException {
    String[] args = {"-p", "In my dream", "-n", "20", "--json"};
    JsonNode found =
        json(dream(with(args, "--num-beams", "4", "--num-return-sequences", "3")).out());
    assertEquals(3, found.get("sequences").size());
    JsonNode greedy = json(dream(with(args, "--temp", "0", "--logprobs", "0")).out());
    double sum = 0;
    for (JsonNode step : greedy.get("logprobs")) {
      sum += step.get("logprob").asDouble();
    }
    assertTrue(found.get("sequences").get(0).get("log_probability").asDouble() >= sum - 1e-6);
    assertNotEquals(
        found.get("sequences").get(0).get("text"), found.get("sequences").get(1).get("text"));
  }

  @Test
  void aCacheInHalfPrecisionWritesNearlyTheSame() {
    String[] args = {"--temp", "0", "-p", "In my dream", "-n", "12"};
    assertEquals(dream(args).out(), dream(with(args, "--cache-type", "f16")).out());
  }
}
