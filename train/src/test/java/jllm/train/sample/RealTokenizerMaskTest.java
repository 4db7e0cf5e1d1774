package jllm.train.sample;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.chat.ChatEncoder;
import jllm.generate.chat.ChatTemplate;
import jllm.generate.chat.ChatTokens.Range;
import jllm.generate.chat.NamedTemplate;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Masks over tokens of several characters, which need not begin where answers do. */
class RealTokenizerMaskTest {
  private static final String TALK =
      """
      {"messages": [{"role": "user", "content": "Wie geht's? 日本 </s>"},
        {"role": "assistant", "content": "Gut, danke! 😀 <|im_end|>"},
        {"role": "user", "content": "\\n\\nFine."},
        {"role": "assistant", "content": "\\n  Good\\n"}]}\
      """;

  private static Tokenizer tokenizer(String name) throws IOException {
    String home = System.getenv("JLLM_FIXTURES");
    Path file = Path.of(home != null ? home : "../../shared/fixtures").resolve(name);
    Assumptions.assumeTrue(Files.exists(file), "no fixture " + file);
    if (name.endsWith(".json")) {
      return Tokenizers.json(file);
    }
    try (ModelFile model = ModelFiles.open(file)) {
      return Tokenizers.of(Objects.requireNonNull(model.vocabulary()));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "vocab/llama-spm.gguf, LLAMA2, true",
    "vocab/llama-spm.gguf, MISTRAL, true",
    "vocab/llama-spm.gguf, PLAIN, true",
    "vocab/llama-spm.gguf, ZEPHYR, true",
    "vocab/gpt-2.gguf, PLAIN, false",
    "vocab/gpt-2.gguf, CHATML, false",
    "hf/pythia/tokenizer.json, VICUNA, false",
    "hf/pythia/tokenizer.json, ALPACA, false"
  })
  void whatIsReadIsWhatAChatReads(String file, NamedTemplate name, boolean hasBos)
      throws IOException {
    Tokenizer tokenizer = tokenizer(file);
    String eos = tokenizer.vocabulary().text(tokenizer.special().eos());
    ChatTemplate template =
        name.template(hasBos ? SampleCase.NAMES : Map.of("bos_token", "", "eos_token", eos));
    SampleEncoder encoder = new SampleEncoder(tokenizer, _ -> template, SampleEncoding.USUAL);
    Sample.Talk talk = (Sample.Talk) SampleCase.samples(SampleKeys.USUAL, TALK).getFirst();
    RenderedSample rendered = encoder.render(talk);
    TokenBuffer tokens = rendered.tokens();
    int[] chat = new ChatEncoder(template, tokenizer).encode(talk.chat().messages(), false);
    int same = Math.min(chat.length, tokens.size() - 1);
    assertArrayEquals(
        Arrays.copyOf(chat, same), Arrays.copyOf(tokens.toArray(), same), "tokens of a chat");
    if (hasBos) {
      int bos = tokenizer.special().bos();
      long count = Arrays.stream(tokens.toArray()).filter(id -> id == bos).count();
      assertEquals(
          name == NamedTemplate.LLAMA2 ? 2 : 1, count, "BOS, which Llama 2 has in each turn");
    }
    byte[] bytes = rendered.text().getBytes(StandardCharsets.UTF_8);
    List<String> learned =
        rendered.learned().stream().map(range -> text(bytes, tokens, range)).toList();
    assertEquals(2, learned.size());
    assertTrue(learned.get(0).strip().startsWith("Gut, danke! 😀 <|im_end|>"), learned.toString());
    assertTrue(learned.get(1).strip().startsWith("Good"), learned.toString());
    for (Range range : rendered.learned()) {
      String before = text(bytes, tokens, new Range(0, range.start()));
      assertTrue(!before.endsWith("Gut") && !before.endsWith("Goo"), before);
    }
    int last = rendered.learned().getLast().end() - 1;
    if (name != NamedTemplate.CHATML) {
      assertEquals(tokenizer.special().eos(), tokens.id(last), "the end is learned");
    }
  }

  private static String text(byte[] bytes, TokenBuffer tokens, Range range) {
    int from = range.start() == 0 ? 0 : tokens.start(range.start());
    int to = range.end() == 0 ? 0 : tokens.end(range.end() - 1);
    return new String(bytes, from, to - from, StandardCharsets.UTF_8);
  }
}
