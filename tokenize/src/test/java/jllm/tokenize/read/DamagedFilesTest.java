package jllm.tokenize.read;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Fixtures;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.SpecialIds.Role;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.VocabularySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damaged, cut off and contradictory files: always one exception that names the file, and never a
 * crash, an endless loop or memory for what a wrong number asks.
 */
class DamagedFilesTest {

  private static final int MUTANTS = 400;
  private static final List<String> TEXTS =
      List.of(
          "", " ", "Hello, c<s>world</s>\u00e9\n12 345", "ab ba\u4e2d\ud83d\ude00  \u0301x", "<a>");

  @TempDir Path folder;

  /** A file that is sound, and how it is read. */
  private record Kind(String file, byte[] sound, Reader reader) {}

  private interface Reader {
    Tokenizer read(Path file) throws IOException;
  }

  private static final String BPE =
      """
      {"version":"1.0","added_tokens":[{"id":9,"content":"<s>","single_word":false,"lstrip":true,
      "rstrip":false,"normalized":false,"special":true},{"id":10,"content":"<a>"}],
      "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":
      {"Regex":" {2,}"},"content":" "},{"type":"Strip","strip_left":true,"strip_right":false},
      {"type":"Prepend","prepend":"a"},{"type":"BertNormalizer","clean_text":true}]},
      "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
      {"type":"Split","pattern":{"String":"b"},"behavior":"MergedWithNext","invert":false},
      {"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}]},
      "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
      {"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[9],
      "tokens":["<s>"]}}},"decoder":{"type":"Sequence","decoders":[{"type":"ByteLevel"},
      {"type":"Strip","content":" ","start":1,"stop":0},{"type":"CTC","pad_token":"p"}]},
      "model":{"type":"BPE","unk_token":"u","fuse_unk":true,"byte_fallback":false,
      "ignore_merges":false,"vocab":{"a":0,"b":1,"ab":2,"ba":3,"u":4,"e":5,"l":6,"o":7,"abba":8},
      "merges":["a b",["b","a"],["ab","ba"]]}}
      """;
  private static final String UNIGRAM =
      """
      {"added_tokens":[{"id":0,"content":"<s>","special":true}],"normalizer":{"type":"Precompiled",
      "precompiled_charsmap":"MAP"},"pre_tokenizer":{"type":"Metaspace",
      "replacement":"\u2581","prepend_scheme":"first","split":true},"post_processor":
      {"type":"RobertaProcessing","sep":["a",2],"cls":["<s>",0],"trim_offsets":true,
      "add_prefix_space":true},"decoder":{"type":"Metaspace","replacement":"\u2581"},
      "model":{"type":"Unigram","unk_id":1,"byte_fallback":false,"vocab":[["<s>",0.0],["u",0],
      ["a",-1.5],["b",-2.5],["ab",-2],["\u2581",-3]]}}
      """;
  private static final String WORDS =
      """
      {"added_tokens":[],"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":
      "BertPreTokenizer"},"post_processor":{"type":"BertProcessing","sep":["[SEP]",1],"cls":
      ["[CLS]",0]},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"model":{"type":
      "WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":9,
      "vocab":{"[CLS]":0,"[SEP]":1,"[UNK]":2,"a":3,"##b":4,"hello":5,"##a":6}}}
      """;
  private static final String CONFIG =
      """
      {"tokenizer_class":"LlamaTokenizerFast","add_bos_token":true,"add_eos_token":false,
      "bos_token":{"content":"<s>"},"eos_token":"<s>","pad_token":null,"added_tokens_decoder":
      {"11":{"content":"<x>","lstrip":false,"special":true},"9":{"content":"<s>"}},
      "chat_template":"{{ messages }}"}
      """;

  private Kind kind(String name) throws IOException {
    return switch (name) {
      case "bpe" -> new Kind("tokenizer.json", utf8(BPE), Tokenizers::json);
      case "unigram" ->
          new Kind("tokenizer.json", utf8(UNIGRAM.replace("MAP", charsMap())), Tokenizers::json);
      case "wordpiece" -> new Kind("tokenizer.json", utf8(WORDS), Tokenizers::json);
      case "config" -> {
        Files.writeString(folder.resolve("tokenizer.json"), BPE);
        yield new Kind(
            "tokenizer_config.json",
            utf8(CONFIG),
            file -> Tokenizers.json(file.resolveSibling("tokenizer.json")));
      }
      case "tiktoken" ->
          new Kind(
              "table.tiktoken",
              utf8(ranks()),
              file -> Tokenizers.tiktoken(file, "gpt2", Map.of("<s>", 300)));
      case "vocab" -> {
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\na b\nab a\n");
        yield new Kind(
            "vocab.json",
            utf8("{\"a\":0,\"b\":1,\"ab\":2,\"aba\":3,\"<|end|>\":4}"),
            file -> Tokenizers.vocabAndMerges(file, file.resolveSibling("merges.txt")));
      }
      case "merges" -> {
        Files.writeString(
            folder.resolve("vocab.json"), "{\"a\":0,\"b\":1,\"ab\":2,\"aba\":3,\"<|end|>\":4}");
        yield new Kind(
            "merges.txt",
            utf8("#version: 0.2\na b\nab a\n"),
            file -> Tokenizers.vocabAndMerges(file.resolveSibling("vocab.json"), file));
      }
      case "llama2c" -> new Kind("tokenizer.bin", llama2c(), Tokenizers::llama2c);
      case "sentencepiece" -> new Kind("spm.model", sentencePiece(), Tokenizers::sentencePiece);
      default ->
          new Kind(
              "real.model",
              Files.readAllBytes(Fixtures.path("sentencepiece/unigram-1000.model")),
              Tokenizers::sentencePiece);
    };
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String ranks() {
    StringBuilder table = new StringBuilder();
    for (int b = 0; b < 256; b++) {
      line(table, b, (byte) b);
    }
    line(table, 256, (byte) 'a', (byte) 'b');
    line(table, 257, (byte) 'l', (byte) 'l');
    return table.toString();
  }

  private static void line(StringBuilder table, int rank, byte... token) {
    table.append(Base64.getEncoder().encodeToString(token)).append(' ').append(rank).append('\n');
  }

  /** One rule: c becomes ab. */
  private static String charsMap() {
    ByteBuffer out = ByteBuffer.allocate(4 + 1024 + 3).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(1024);
    out.putInt(4 + 4 * 'c', 'c' | 1 << 8 | 0x80 << 10);
    out.putInt(4 + 4 * ('c' ^ 0x80), 1 << 31);
    out.put(4 + 1024, utf8("ab"));
    return Base64.getEncoder().encodeToString(out.array());
  }

  private static byte[] llama2c() {
    ByteBuffer out = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN).putInt(5);
    for (String token : List.of("<unk>", "\n<s>\n", "\n</s>\n", "<0x41>", " ", "a", "b", "ab")) {
      out.putFloat(-out.position()).putInt(token.length()).put(utf8(token));
    }
    return Arrays.copyOf(out.array(), out.position());
  }

  private static byte[] sentencePiece() {
    ByteBuffer out = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    int type = 2;
    for (String token : List.of("<unk>", "<s>", "</s>", "\u2581", "a", "b", "ab", "ba")) {
      byte[] text = utf8(token);
      out.put((byte) 0x0a).put((byte) (text.length + 9));
      out.put((byte) 0x0a).put((byte) text.length).put(text);
      out.put((byte) 0x15).putFloat(-out.position());
      out.put((byte) 0x18).put((byte) type);
      type = type == 2 ? 3 : out.position() > 45 ? 1 : 3;
    }
    // The trainer's model type (BPE), then the normalizer: no dummy prefix.
    out.put(new byte[] {0x12, 0x02, 0x18, 0x02, 0x1a, 0x02, 0x18, 0x00});
    return Arrays.copyOf(out.array(), out.position());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bpe",
        "unigram",
        "wordpiece",
        "config",
        "tiktoken",
        "vocab",
        "merges",
        "llama2c",
        "sentencepiece",
        "unigram-1000"
      })
  void mutantsAreReadOrRefused(String name) throws IOException {
    Kind kind = kind(name);
    Path file = folder.resolve(kind.file);
    Files.write(file, kind.sound);
    use(kind.reader.read(file));
    long seed = name.hashCode() * 31L + 7;
    SplittableRandom random = new SplittableRandom(seed);
    assertTimeoutPreemptively(
        Duration.ofSeconds(120),
        () -> {
          int refused = 0;
          for (int i = 0; i < MUTANTS; i++) {
            byte[] mutant = mutant(kind.sound, random);
            Files.write(file, mutant);
            try {
              use(kind.reader.read(file));
            } catch (TokenizerFormatException e) {
              refused++;
              String message = String.valueOf(e.getMessage());
              assertTrue(
                  message.contains(folder.toString())
                      || message.contains("the text")
                      || message.contains("character map"),
                  "names no file: " + message);
            } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
              throw new AssertionError(
                  name
                      + ", seed "
                      + seed
                      + ", mutant "
                      + i
                      + ": "
                      + new String(mutant, StandardCharsets.ISO_8859_1),
                  e);
            }
          }
          assertTrue(refused > 0 && refused < MUTANTS, refused + " refused");
        });
  }

  private static void use(Tokenizer tokenizer) {
    for (String text : TEXTS) {
      int[] ids = tokenizer.encode(text, new EncodeOptions(true, true));
      tokenizer.decode(ids, false);
    }
  }

  /** One to three damages: bytes changed, left out, repeated or cut off, numbers grown. */
  private static byte[] mutant(byte[] sound, SplittableRandom random) {
    byte[] bytes = sound.clone();
    int damages = 1 + random.nextInt(3);
    for (int d = 0; d < damages && bytes.length > 4; d++) {
      int at = random.nextInt(bytes.length);
      int length = Math.min(bytes.length - at, 1 + random.nextInt(random.nextInt(40) + 1));
      bytes =
          switch (random.nextInt(8)) {
            case 0 -> Arrays.copyOf(bytes, at);
            case 1 -> splice(bytes, at, at + length, new byte[0]);
            case 2 -> splice(bytes, at, at, Arrays.copyOfRange(bytes, at, at + length));
            case 3 -> splice(bytes, at, at + 1, new byte[] {(byte) random.nextInt(256)});
            case 4 -> splice(bytes, at, at, new byte[] {(byte) random.nextInt(256)});
            case 5 -> grown(bytes, at, random);
            case 6 -> {
              int from = random.nextInt(bytes.length - length + 1);
              yield splice(bytes, at, at + length, Arrays.copyOfRange(bytes, from, from + length));
            }
            default -> {
              byte[] flipped = bytes.clone();
              flipped[at] ^= (byte) (1 << random.nextInt(8));
              yield flipped;
            }
          };
    }
    return bytes;
  }

  private static byte[] splice(byte[] bytes, int from, int to, byte[] insert) {
    ByteBuffer out = ByteBuffer.allocate(bytes.length - (to - from) + insert.length);
    out.put(bytes, 0, from).put(insert).put(bytes, to, bytes.length - to);
    return out.array();
  }

  /** Makes the next number one that is too large, negative or no integer. */
  private static byte[] grown(byte[] bytes, int at, SplittableRandom random) {
    for (int i = at; i < bytes.length; i++) {
      if (bytes[i] >= '0' && bytes[i] <= '9') {
        List<String> numbers =
            List.of("99", "-1", "2147483647", "4294967296", "99999999999999999999", "1.5", "null");
        return splice(bytes, i, i + 1, utf8(numbers.get(random.nextInt(numbers.size()))));
      }
    }
    return bytes;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'[1]' | does not begin with an object",
        "'{}' | has no model",
        "'{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}' | line 1",
        "'{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}' | the id -1",
        "'{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}' | needs the token 'b'",
        "'{\"model\":{\"type\":\"Magic\"}}' | 'Magic'",
        "'{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":7}}' | out of range",
        "'{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"a\"}} x' | valid JSON",
        "'{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}},\"added_tokens\":[{\"id\":2000000000,\"content\":\"b\"}]}' | 2000000000",
      })
  void whatIsWrongIsSaid(String json, String expected) throws IOException {
    Path file = Files.writeString(folder.resolve("tokenizer.json"), json);
    TokenizerFormatException e =
        assertThrows(TokenizerFormatException.class, () -> Tokenizers.json(file));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains(expected), message);
    assertTrue(message.contains(file.toString()), message);
  }

  @Test
  void contradictoryVocabulariesOfGgufAreRefused() {
    List<String> tokens = List.of("<unk>", "<s>", "</s>", "a", "b", "ab");
    List<VocabularySpec.Builder> wrong = new ArrayList<>();
    wrong.add(VocabularySpec.builder("llama", tokens).scores(1, 2));
    wrong.add(VocabularySpec.builder("llama", tokens).types(1, 2, 3));
    wrong.add(VocabularySpec.builder("llama", List.of()));
    wrong.add(VocabularySpec.builder("magic", tokens));
    wrong.add(VocabularySpec.builder("gpt2", tokens).pre("magic"));
    wrong.add(VocabularySpec.builder("gpt2", tokens).merges(List.of("ab")));
    wrong.add(VocabularySpec.builder("t5", tokens));
    wrong.add(
        VocabularySpec.builder("t5", tokens)
            .scores(new float[6])
            .precompiledCharsMap(new byte[] {1, 2, 3}));
    wrong.add(VocabularySpec.builder("bert", tokens));
    for (String model : List.of("llama", "gpt2", "bert", "t5")) {
      wrong.add(
          VocabularySpec.builder(model, tokens)
              .scores(new float[6])
              .ids(new SpecialIds(Map.of(Role.BOS, 6))));
    }
    for (VocabularySpec.Builder builder : wrong) {
      TokenizerFormatException e =
          assertThrows(
              TokenizerFormatException.class, () -> Tokenizers.of(builder.build()).encode("a"));
      assertTrue(String.valueOf(e.getMessage()).length() > 20, e.getMessage());
    }
  }

  @Test
  void randomVocabulariesOfGgufAreReadOrRefused() {
    long seed = 99;
    SplittableRandom random = new SplittableRandom(seed);
    List<String> texts =
        List.of(
            "<unk>", "<s>", "", "a", "b", "ab", "\u2581", "\u2581a", "<0x41>", "[CLS]", " ", "a b");
    for (int i = 0; i < 2000; i++) {
      int n = random.nextInt(12);
      List<String> tokens = new ArrayList<>();
      int[] types = new int[random.nextInt(5) == 0 ? 0 : n];
      float[] scores = new float[random.nextInt(5) == 0 ? 0 : n];
      for (int k = 0; k < n; k++) {
        tokens.add(texts.get(random.nextInt(texts.size())));
        if (types.length > 0) {
          types[k] = random.nextInt(4) == 0 ? random.nextInt(-2, 10) : 1;
        }
        if (scores.length > 0) {
          scores[k] = random.nextInt(9) == 0 ? Float.NaN : random.nextInt(5);
        }
      }
      String model = List.of("llama", "gpt2", "bert", "t5").get(random.nextInt(4));
      try {
        Tokenizer tokenizer =
            Tokenizers.of(
                VocabularySpec.builder(model, tokens)
                    .types(types)
                    .scores(scores)
                    .merges(random.nextBoolean() ? List.of() : List.of("a b", "b a"))
                    .ids(
                        new SpecialIds(
                            Map.of(Role.UNK, random.nextInt(-1, 3), Role.CLS, 1, Role.SEP, 0)))
                    .addBos(random.nextBoolean())
                    .removeExtraWhitespaces(random.nextBoolean())
                    .addSpacePrefix(random.nextBoolean())
                    .build());
        use(tokenizer);
      } catch (TokenizerFormatException e) {
        assertTrue(String.valueOf(e.getMessage()).length() > 20);
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ", case " + i + ": " + model + tokens, e);
      }
    }
  }
}
