package jllm.tokenize.write;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.RandomText;
import jllm.tokenize.TestTokenizers;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.text.ByteAlphabet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written and read again gives the same tokens as before, here and in other libraries. */
class RoundTripTest {

  private static final long SEED = 20240817;

  @TempDir Path folder;

  private static List<String> texts(int count) {
    RandomText random = new RandomText(SEED);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      texts.add(random.next(20));
    }
    texts.add("");
    texts.add(" ");
    texts.add("  leading and trailing  ");
    texts.add("\u2581marked\u2581 words");
    texts.add("<s>special</s> <|endoftext|> [CLS] <unk>");
    return texts;
  }

  private Path json(Tokenizer tokenizer) throws IOException {
    Path file = folder.resolve("tokenizer.json");
    try (OutputStream out = Files.newOutputStream(file)) {
      TokenizerWriters.json(tokenizer, out);
    }
    return file;
  }

  /**
   * @param ranges whether ranges are compared too: those of bytes and of the space before a text
   *     are as the component has them that makes them
   */
  private static void assertSame(
      Tokenizer before, Tokenizer after, EncodeOptions options, boolean ranges) {
    for (String text : texts(1000)) {
      TokenBuffer expected = before.encodeWithOffsets(text, options);
      TokenBuffer actual = after.encodeWithOffsets(text, options);
      String message = "seed " + SEED + ": " + text;
      assertArrayEquals(expected.toArray(), actual.toArray(), message);
      for (int i = 0; ranges && i < expected.size(); i++) {
        assertEquals(expected.start(i), actual.start(i), message);
        assertEquals(expected.end(i), actual.end(i), message);
      }
      int[] ids = expected.toArray();
      assertEquals(before.decode(ids), after.decode(ids), message);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "builtin:r50k_base",
        "builtin:cl100k_base",
        "builtin:o200k_base",
        "gguf:gpt-2",
        "gguf:llama-spm",
        "gguf:bert-bge",
        "spm:llama2-bpe",
        "json",
        "llama2c"
      })
  void tokenizerJsonReadAgain(String name) throws IOException {
    Tokenizer before = TestTokenizers.named(name);
    Tokenizer after = Tokenizers.json(json(before));
    for (EncodeOptions options :
        List.of(EncodeOptions.PLAIN, EncodeOptions.WITH_SPECIAL, EncodeOptions.PARSE_SPECIAL)) {
      assertSame(before, after, options, !name.startsWith("spm:"));
    }
    assertEquals(before.vocabulary().size(), after.vocabulary().size());
    // What was read from the layout is written as it was.
    ByteArrayOutputStream again = new ByteArrayOutputStream();
    TokenizerWriters.json(after, again);
    assertEquals(
        Files.readString(folder.resolve("tokenizer.json")), again.toString(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "builtin:r50k_base",
        "builtin:cl100k_base",
        "builtin:o200k_base",
        "gguf:gpt-2",
        "gguf:llama-spm",
        "gguf:bert-bge",
        "spm:llama2-bpe",
        "spm:unigram-1000",
        "json",
        "llama2c"
      })
  void tokenizerJsonInItsOwnLibrary(String name) throws IOException {
    Tokenizer ours = TestTokenizers.named(name);
    // Its tables of Unicode are older and its special tokens are always parsed.
    try (HuggingFaceTokenizer theirs =
        HuggingFaceTokenizer.newInstance(json(ours), Map.of("addSpecialTokens", "false"))) {
      int compared = 0;
      for (String text : texts(800)) {
        if (!text.codePoints().allMatch(RoundTripTest::common)) {
          continue;
        }
        compared++;
        assertArrayEquals(
            Arrays.stream(ours.encode(text, EncodeOptions.PARSE_SPECIAL)).asLongStream().toArray(),
            theirs.encode(text, false, false).getIds(),
            name + " seed " + SEED + ": " + text);
      }
      assertTrue(compared > 50, "only " + compared + " texts");
    }
  }

  /**
   * Characters that every version of Unicode has and treats alike, and that form no clusters: there
   * SentencePiece's rules and what its own library makes of them differ.
   */
  private static boolean common(int cp) {
    return cp < 0x300
        || cp == 0x2581
        || cp >= 0x391 && cp < 0x480
        || cp >= 0x3041 && cp <= 0x3096
        || cp >= 0x4e00 && cp <= 0x9000;
  }

  @ParameterizedTest
  @ValueSource(strings = {"builtin:r50k_base", "builtin:p50k_base", "gguf:gpt-2"})
  void vocabularyAndMergesReadAgain(String name) throws IOException {
    Tokenizer before = TestTokenizers.named(name);
    Path vocab = folder.resolve("vocab.json");
    Path merges = folder.resolve("merges.txt");
    List<String> lost;
    try (OutputStream v = Files.newOutputStream(vocab);
        OutputStream m = Files.newOutputStream(merges)) {
      lost = TokenizerWriters.vocabAndMerges(before, v, m);
    }
    assertEquals(List.of(), lost);
    assertSame(before, Tokenizers.vocabAndMerges(vocab, merges), EncodeOptions.PARSE_SPECIAL, true);
  }

  @Test
  void vocabularyAndMergesSayWhatTheyCannot() throws IOException {
    List<String> lost =
        TokenizerWriters.vocabAndMerges(
            Tokenizers.builtIn("cl100k_base"),
            OutputStream.nullOutputStream(),
            OutputStream.nullOutputStream());
    assertEquals(1, lost.size());
    assertTrue(lost.getFirst().contains("GPT-2's pattern"), lost.getFirst());
  }

  @ParameterizedTest
  @ValueSource(strings = {"gguf:llama-spm", "gguf:bert-bge", "spm:unigram-1000"})
  void vocabularyAndMergesOfOtherModelsAreRefused(String name) {
    Tokenizer tokenizer = TestTokenizers.named(name);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TokenizerFormatException e =
        assertThrows(
            TokenizerFormatException.class,
            () -> TokenizerWriters.vocabAndMerges(tokenizer, out, out));
    assertTrue(String.valueOf(e.getMessage()).contains("expected byte-level BPE"));
    assertEquals(0, out.size());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "builtin:r50k_base",
        "builtin:p50k_base",
        "builtin:cl100k_base",
        "builtin:o200k_base",
        "gguf:gpt-2",
        "gguf:llama-spm",
        "gguf:bert-bge",
        "spm:llama2-bpe",
        "llama2c"
      })
  void ggufVocabularyReadAgain(String name) {
    Tokenizer before = TestTokenizers.named(name);
    TokenizerWriters.GgufForm form = TokenizerWriters.gguf(before);
    assertEquals(List.of(), form.lost());
    Tokenizer after = Tokenizers.of(form.vocabulary());
    for (EncodeOptions options :
        List.of(EncodeOptions.PLAIN, EncodeOptions.WITH_SPECIAL, EncodeOptions.PARSE_SPECIAL)) {
      assertSame(before, after, options, !name.startsWith("spm:"));
    }
  }

  /** By way of tokenizer.json, too: from SentencePiece's merges scores are made again. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "builtin:cl100k_base",
        "gguf:gpt-2",
        "gguf:llama-spm",
        "gguf:bert-bge",
        "spm:llama2-bpe"
      })
  void ggufVocabularyFromTokenizerJson(String name) throws IOException {
    Tokenizer before = Tokenizers.json(json(TestTokenizers.named(name)));
    TokenizerWriters.GgufForm form = TokenizerWriters.gguf(before);
    assertEquals(List.of(), form.lost());
    assertSame(before, Tokenizers.of(form.vocabulary()), EncodeOptions.PARSE_SPECIAL, true);
  }

  private static String added(int id, String content) {
    return """
    {"id": %d, "content": "%s", "single_word": false, "lstrip": false, "rstrip": false,
     "normalized": false, "special": true}\
    """
        .formatted(id, content);
  }

  /** BPE without merges, over bytes or characters, the last token a special one if asked for. */
  private static Tokenizer unmerged(
      List<String> tokens, boolean separator, String split, String decoder, String merges) {
    StringBuilder vocabulary = new StringBuilder();
    for (int id = 0; id < tokens.size(); id++) {
      StringBuilder escaped = new StringBuilder();
      tokens.get(id).chars().forEach(c -> escaped.append(String.format("\\u%04x", c)));
      vocabulary.append(id == 0 ? "" : ",").append('"').append(escaped).append("\":").append(id);
    }
    if (separator) {
      vocabulary.append(",\"<|endoftext|>\":").append(tokens.size());
    }
    return Tokenizers.json(
        """
        {"version": "1.0", "added_tokens": [%s], "normalizer": null, "pre_tokenizer": %s,
         "post_processor": null, "decoder": %s,
         "model": {"type": "BPE", "vocab": {%s}, "merges": [%s]}}\
        """
            .formatted(
                separator ? added(tokens.size(), "<|endoftext|>") : "",
                split,
                decoder,
                vocabulary,
                merges),
        "unmerged");
  }

  private static Tokenizer bytes(boolean separator, boolean regex, String merges) {
    List<String> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(String.valueOf(ByteAlphabet.toChar(b)));
    }
    if (!merges.isEmpty()) {
      tokens.add("ab");
    }
    String step =
        "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true,"
            + " \"use_regex\": "
            + regex
            + "}";
    return unmerged(tokens, separator, step, step, merges);
  }

  private static Tokenizer characters(String characters, boolean separator) {
    return unmerged(
        characters.codePoints().mapToObj(Character::toString).toList(),
        separator,
        "null",
        "{\"type\": \"Fuse\"}",
        "");
  }

  @Test
  void ggufVocabularyOfBytesThatNothingMerges() {
    for (boolean regex : new boolean[] {true, false}) {
      Tokenizer before = bytes(true, regex, "");
      TokenizerWriters.GgufForm form = TokenizerWriters.gguf(before);
      assertEquals(List.of(), form.lost());
      assertEquals("gpt-2", form.vocabulary().pre());
      assertEquals(256, form.vocabulary().ids().eos());
      Tokenizer after = Tokenizers.of(form.vocabulary());
      for (EncodeOptions options :
          List.of(EncodeOptions.PLAIN, EncodeOptions.WITH_SPECIAL, EncodeOptions.PARSE_SPECIAL)) {
        assertSame(before, after, options, true);
      }
    }
    assertTrue(bytes(false, true, "[\"a\", \"b\"]").encode("ab").length == 1);
    Tokenizer merging = bytes(false, false, "[\"a\", \"b\"]");
    TokenizerFormatException e =
        assertThrows(TokenizerFormatException.class, () -> TokenizerWriters.gguf(merging));
    assertTrue(String.valueOf(e.getMessage()).contains("no name for the way"), e.getMessage());
  }

  /** Bytes that are no character of the vocabulary are left out, as those characters were. */
  @Test
  void ggufVocabularyOfAsciiCharacters() {
    Tokenizer before = characters("\n !,.123abcdefghilnorstuwyHW", true);
    TokenizerWriters.GgufForm form = TokenizerWriters.gguf(before);
    assertEquals(List.of(), form.lost());
    assertEquals("gpt2", form.vocabulary().model());
    Tokenizer after = Tokenizers.of(form.vocabulary());
    for (EncodeOptions options :
        List.of(EncodeOptions.PLAIN, EncodeOptions.WITH_SPECIAL, EncodeOptions.PARSE_SPECIAL)) {
      assertSame(before, after, options, true);
    }
    List<String> lost = TokenizerWriters.gguf(characters("0123456789+-=", false)).lost();
    assertEquals(1, lost.size(), lost.toString());
    assertTrue(lost.getFirst().contains("token 11 ('-')"), lost.getFirst());
  }

  @Test
  void ggufVocabularyOfCharactersBeyondAscii() {
    StringBuilder known = new StringBuilder();
    RandomText random = new RandomText(SEED);
    List<String> learned = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      learned.add(random.next(20).replace("\u2581", " "));
    }
    String.join("", learned).codePoints().distinct().sorted().forEach(known::appendCodePoint);
    Tokenizer before = characters(known.toString(), true);
    TokenizerWriters.GgufForm form = TokenizerWriters.gguf(before);
    assertEquals("llama", form.vocabulary().model());
    assertEquals(1, form.lost().size(), form.lost().toString());
    assertTrue(form.lost().getFirst().contains("not in the vocabulary"), form.lost().getFirst());
    Tokenizer after = Tokenizers.of(form.vocabulary());
    int tokens = 0;
    for (EncodeOptions options :
        List.of(EncodeOptions.PLAIN, EncodeOptions.WITH_SPECIAL, EncodeOptions.PARSE_SPECIAL)) {
      for (String text : learned) {
        String all = text + "<|endoftext|>" + text + "  ";
        if (!all.codePoints().allMatch(cp -> known.indexOf(Character.toString(cp)) >= 0)) {
          continue;
        }
        int[] ids = before.encode(all, options);
        tokens += ids.length;
        assertArrayEquals(ids, after.encode(all, options), "seed " + SEED + ": " + all);
        assertEquals(before.decode(ids), after.decode(ids));
        assertEquals(all, after.decode(after.encode(all)));
      }
    }
    assertTrue(tokens > 10_000, "only " + tokens + " tokens");
    Tokenizer mark = characters("\u2581 a", false);
    TokenizerFormatException e =
        assertThrows(TokenizerFormatException.class, () -> TokenizerWriters.gguf(mark));
    assertTrue(String.valueOf(e.getMessage()).contains("U+2581"), e.getMessage());
  }
}
