package jllm.tokenize.read;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import jllm.tokenize.RandomText;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.write.TokenizerWriters;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each name of {@code tokenizer.ggml.pre} against the components that the {@code tokenizer.json} of
 * its models has, run by Hugging Face's library: with GPT-2's vocabulary, which is at hand.
 */
class GgufPreTokenizersTest {

  private static final long SEED = 4711;
  private static final String BYTES =
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}";
  private static final String GPT2 = BYTES.replace("\"use_regex\":false", "\"use_regex\":true");
  private static final String DIGITS = "{\"type\":\"Digits\",\"individual_digits\":true}";
  private static final String CL100K =
      split(
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
              + " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
  private static final String O200K_WORDS =
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+%s|"
          + "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*%s|"
          + "\\p{N}%s| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String REST =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";
  private static final String CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
  private static final String SENTENCE =
      " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+";

  private static String gpt2Json = "";
  private static VocabularySpec gpt2Spec = VocabularySpec.builder("gpt2", List.of()).build();

  @TempDir Path folder;

  @BeforeAll
  static void writeGpt2() throws IOException {
    Tokenizer gpt2 = Tokenizers.builtIn("gpt2");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TokenizerWriters.json(gpt2, out);
    gpt2Json = out.toString(StandardCharsets.UTF_8);
    gpt2Spec = TokenizerWriters.gguf(gpt2).vocabulary();
  }

  private static String split(String expression) {
    return "{\"type\":\"Split\",\"pattern\":{\"Regex\":\""
        + expression.replace("\\", "\\\\").replace("\"", "\\\"")
        + "\"},\"behavior\":\"Isolated\",\"invert\":false}";
  }

  /** The pre-tokenizer of models with that name. */
  private static List<String> components(String name) {
    return switch (name) {
      case "gpt-2" -> List.of(GPT2);
      case "llama-bpe", "dbrx" -> List.of(CL100K, BYTES);
      case "qwen2" -> List.of(CL100K.replace("{1,3}", ""), BYTES);
      case "starcoder" -> List.of(DIGITS, GPT2);
      case "gpt-4o" ->
          List.of(
              split(
                  O200K_WORDS.formatted(
                      "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "{1,3}")),
              BYTES);
      case "tekken" -> List.of(split(O200K_WORDS.formatted("", "", "")), BYTES);
      case "deepseek-coder" ->
          List.of(
              split("[\\r\\n]"),
              split("\\s?\\p{L}+"),
              split("\\s?\\p{P}+"),
              split(CJK),
              DIGITS,
              BYTES);
      case "deepseek-llm" ->
          List.of(
              split("[\\r\\n]"),
              // The letters of the scripts that have two cases, which this stands for in tests.
              split(
                  "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u0370-\u0373\u0388-"
                      + "\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481]+"),
              split("\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"),
              split("\\s+$"),
              split(CJK),
              "{\"type\":\"Digits\",\"individual_digits\":false}",
              BYTES);
      case "deepseek-v3" ->
          List.of(
              split("\\p{N}{1,3}"),
              split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
              split(
                  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
                      + "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
                      + "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
              BYTES);
      case "falcon" ->
          List.of(
              "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}",
              split(REST),
              split("[0-9][0-9][0-9]"),
              BYTES);
      case "bloom" -> List.of(split(SENTENCE), BYTES);
      case "viking" -> List.of(split(SENTENCE), DIGITS, BYTES);
      case "chameleon" ->
          List.of(
              split("<sentinel:[0-9]+>"),
              split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"),
              split("([\\t\\n]|    |  )"),
              DIGITS,
              "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}",
              GPT2);
      default ->
          List.of(
              split("[\\p{P}\\$\\+<=>\\^~\\|]+"),
              split(REST),
              split("\\p{N}+"),
              split("[0-9][0-9][0-9]"),
              BYTES);
    };
  }

  /** Names that mean the same, in groups. */
  static List<List<String>> names() {
    return List.of(
        List.of("default", ""),
        List.of("llama-bpe", "llama3", "llama-v3", "falcon3", "lfm2"),
        List.of("dbrx", "smaug-bpe", "chatglm-bpe", "glm4"),
        List.of("qwen2", "deepseek-r1-qwen", "stablelm2", "megrez"),
        List.of(
            "gpt-2",
            "phi-2",
            "jina-es",
            "jina-de",
            "gigachat",
            "jina-v1-en",
            "jina-v2-es",
            "jina-v2-de",
            "jina-v2-code",
            "roberta-bpe",
            "mpt",
            "olmo",
            "jais"),
        List.of("starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"),
        List.of("deepseek-llm"),
        List.of("deepseek-coder"),
        List.of("deepseek-v3"),
        List.of("falcon"),
        List.of("tekken"),
        List.of("gpt-4o", "llama4"),
        List.of("bloom", "poro-chat", "gpt3-finnish"),
        List.of("viking"),
        List.of("chameleon"));
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyNameSplitsAsItsModelsDo(List<String> names) throws IOException {
    String name = names.getFirst();
    Tokenizer ours = Tokenizers.of(named(name));
    String json = gpt2Json;
    int from = json.indexOf("\"pre_tokenizer\"");
    int to = json.indexOf("\"post_processor\"");
    json =
        json.substring(0, from)
            + "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":"
            + components(name)
            + "},"
            + json.substring(to);
    GgufPreTokenizers.Choice choice = GgufPreTokenizers.named(name);
    for (String other : names) {
      assertEquals(choice.toString(), GgufPreTokenizers.named(other).toString(), other);
    }
    // Written again it has the same name.
    TokenizerWriters.GgufForm form = TokenizerWriters.gguf(ours);
    assertEquals(name, form.vocabulary().pre());
    assertTrue(form.lost().isEmpty(), name + form.lost());
    json = json.replace("\"ignore_merges\" : true", "\"ignore_merges\" : " + choice.ignoreMerges());
    Path file = Files.writeString(folder.resolve("tokenizer.json"), json);
    try (HuggingFaceTokenizer theirs =
        HuggingFaceTokenizer.newInstance(
            file, Map.of("addSpecialTokens", "false", "truncation", "false"))) {
      for (String text : texts()) {
        assertArrayEquals(
            theirs.encode(text, false, false).getIds(),
            Arrays.stream(ours.encode(text)).asLongStream().toArray(),
            name + ", seed " + SEED + ": " + text);
      }
    }
  }

  private static VocabularySpec named(String pre) {
    return VocabularySpec.builder(gpt2Spec.model(), gpt2Spec.tokens())
        .pre(pre)
        .types(gpt2Spec.types())
        .merges(gpt2Spec.merges())
        .ids(gpt2Spec.ids())
        .build();
  }

  private static List<String> texts() {
    List<String> texts = new ArrayList<>();
    RandomText random = new RandomText(SEED);
    while (texts.size() < 250) {
      String text = random.next(14);
      if (text.codePoints().allMatch(GgufPreTokenizersTest::old)) {
        texts.add(text);
      }
    }
    texts.add("12345 1234567 1,000.50 a1b22c333 3333");
    texts.add("I'll don't WE'RE it'S x's 's  'd");
    texts.add("tabs\t\tand\n\n\nlines \n  \r\n end  ");
    texts.add("f(x) = x**2 + $y; // {\"a\": [1, 2]} ``` <=> ~^|");
    texts.add(
        "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u3072\u3089\u304c\u306a \uac00\ub098 caf\u00e9 "
            + "\u041c\u043e\u0441\u043a\u0432\u0430 \u0395\u03bb\u03bb");
    texts.add("<sentinel:12> IMGIMGABCZ    four");
    return texts;
  }

  /** Characters that the native library's tables of Unicode have as ours do. */
  private static boolean old(int cp) {
    return cp < 0x1bb
        || cp >= 0x300 && cp <= 0x302
        || cp >= 0x391 && cp <= 0x3a1
        || cp >= 0x3a3 && cp < 0x3ff
        || cp >= 0x410 && cp < 0x450
        || cp >= 0x2000 && cp <= 0x206f
        || cp >= 0x2160 && cp <= 0x2188
        || cp >= 0x3000 && cp <= 0x3002
        || cp >= 0x3041 && cp <= 0x3096
        || cp >= 0x4e00 && cp <= 0x9000
        || cp >= 0xac00 && cp <= 0xd7a3;
  }
}
