package jllm.tokenize.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Fixtures;
import jllm.tokenize.MalformedTextException;
import jllm.tokenize.RandomText;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;
import org.junit.jupiter.api.Test;

/** Texts encoded in small parts give the tokens of the whole, whatever the tokenizer. */
class StreamEncoderTest {

  private static Tokenizer small(String name) {
    return Objects.requireNonNull(SmallTokenizers.all().get(name));
  }

  /** Tokens with the ranges in the whole text. */
  private record Tokens(List<Integer> ids, List<String> ranges, int parts) {}

  private static Tokens inParts(
      Tokenizer tokenizer, EncodeOptions options, byte[] text, int part, boolean lenient)
      throws IOException {
    StreamEncoder encoder = new StreamEncoder(tokenizer, options, lenient, true, 2, part, 1 << 20);
    Tokens all = new Tokens(new ArrayList<>(), new ArrayList<>(), 0);
    int[] parts = {0};
    encoder.<Tokens>encode(
        new ByteArrayInputStream(text),
        () -> new Tokens(new ArrayList<>(), new ArrayList<>(), 0),
        (chunk, result) -> add(result, chunk.tokens(), chunk.offset()),
        result -> {
          all.ids.addAll(result.ids);
          all.ranges.addAll(result.ranges);
          parts[0]++;
        });
    return new Tokens(all.ids, all.ranges, parts[0]);
  }

  private static void add(Tokens into, TokenBuffer tokens, long offset) {
    for (int i = 0; i < tokens.size(); i++) {
      into.ids.add(tokens.id(i));
      boolean nowhere = tokens.start(i) < 0;
      into.ranges.add(nowhere ? "0-0" : offset + tokens.start(i) + "-" + (offset + tokens.end(i)));
    }
  }

  private static Tokens atOnce(
      Tokenizer tokenizer, EncodeOptions options, byte[] text, boolean lenient) {
    TokenBuffer tokens = new TokenBuffer(true);
    if (lenient) {
      tokenizer.newEncoder().encodeLenient(text, 0, text.length, options, tokens);
    } else {
      tokenizer.newEncoder().encode(text, 0, text.length, options, tokens);
    }
    Tokens all = new Tokens(new ArrayList<>(), new ArrayList<>(), 1);
    add(all, tokens, 0);
    return all;
  }

  private static String text(Random random, long seed) {
    StringBuilder text = new StringBuilder();
    RandomText odd = new RandomText(seed);
    String[] words = {
      "the",
      " the",
      "world",
      " world",
      "cat's",
      "1212",
      " 3",
      ".",
      ", ",
      "<s>",
      "<|x|>",
      "  ",
      "\n",
      " <s>",
      "a b",
      "\u00e9 x",
      "e\u0301 x",
      "x \u0301",
      "\u4e2d\u6587",
      "<unk> w",
      "\u2581",
      "s a",
      "<|endoftext|> a",
      "\u212b w",
      "\u037a w",
      " \u0000",
      "x\n\ny",
      "'s ",
      "A."
    };
    int parts = random.nextInt(60);
    for (int i = 0; i < parts; i++) {
      switch (random.nextInt(5)) {
        case 0 -> text.append(odd.next(3));
        case 1 -> text.append(' ').append(words[random.nextInt(8)]);
        default -> text.append(words[random.nextInt(words.length)]);
      }
    }
    return text.toString();
  }

  /**
   * A range; with a normalizer that of whole characters, since only a text that it has changed
   * tells the bytes of a character apart.
   */
  private static String range(Tokenizer tokenizer, byte[] text, String range) {
    if (tokenizer.pipeline().normalizer() == null) {
      return range;
    }
    int dash = range.indexOf('-');
    int start = Integer.parseInt(range.substring(0, dash));
    int end = Integer.parseInt(range.substring(dash + 1));
    while (start > 0 && start < text.length && (text[start] & 0xc0) == 0x80) {
      start--;
    }
    while (end < text.length && (text[end] & 0xc0) == 0x80) {
      end++;
    }
    return start + "-" + end;
  }

  private static int check(String name, Tokenizer tokenizer, int rounds) throws IOException {
    int most = 0;
    for (int seed = 0; seed < rounds; seed++) {
      Random random = new Random(seed);
      byte[] text = text(random, seed).getBytes(UTF_8);
      EncodeOptions options = new EncodeOptions(random.nextBoolean(), random.nextBoolean());
      int part = 1 + random.nextInt(random.nextBoolean() ? 12 : 60);
      Tokens parts = inParts(tokenizer, options, text, part, false);
      Tokens whole = atOnce(tokenizer, options, text, false);
      String where =
          name
              + ", seed "
              + seed
              + ", part "
              + part
              + ", "
              + options
              + ": '"
              + new String(text, UTF_8)
              + "'";
      assertEquals(whole.ids, parts.ids, where);
      for (int i = 0; i < whole.ids.size(); i++) {
        assertEquals(
            range(tokenizer, text, whole.ranges.get(i)),
            range(tokenizer, text, parts.ranges.get(i)),
            "range of token " + i + " of " + where);
      }
      most = Math.max(most, parts.parts);
    }
    return most;
  }

  @Test
  void allKindsOfPipelines() throws IOException {
    for (Map.Entry<String, Tokenizer> entry : SmallTokenizers.all().entrySet()) {
      int parts = check(entry.getKey(), entry.getValue(), 300);
      boolean whole = entry.getKey().startsWith("whole");
      assertTrue(whole ? parts == 1 : parts > 5, entry.getKey() + ": at most " + parts + " parts");
    }
  }

  @Test
  void builtIns() throws IOException {
    for (String name : List.of("r50k_base", "p50k_base", "cl100k_base", "o200k_base")) {
      int parts = check(name, Tokenizers.builtIn(name), 150);
      assertTrue(parts > 5, name + ": at most " + parts + " parts");
    }
  }

  @Test
  void vocabulariesOfOthers() throws IOException {
    Map<String, Tokenizer> all = new LinkedHashMap<>();
    all.put("pythia", Tokenizers.json(Fixtures.path("hf/pythia/tokenizer.json")));
    all.put("llama2", Tokenizers.sentencePiece(Fixtures.path("sentencepiece/llama2-bpe.model")));
    all.put("unigram", Tokenizers.sentencePiece(Fixtures.path("sentencepiece/unigram-1000.model")));
    all.put("llama2c", Tokenizers.llama2c(Fixtures.path("models/aidreams-tok512.bin")));
    for (String name : List.of("gpt-2", "llama-spm", "bert-bge")) {
      all.put(
          name,
          Tokenizers.of(
              jllm.tokenize.GgufVocabulary.read(Fixtures.path("vocab/" + name + ".gguf"))));
    }
    for (Map.Entry<String, Tokenizer> entry : all.entrySet()) {
      int parts = check(entry.getKey(), entry.getValue(), 150);
      assertTrue(
          entry.getKey().equals("unigram") ? parts == 1 : parts > 5,
          entry.getKey() + ": at most " + parts + " parts");
    }
  }

  @Test
  void invalidBytesAreReplacedAsInTheWhole() throws IOException {
    List<Tokenizer> tokenizers = List.of(Tokenizers.builtIn("cl100k_base"), small("llama"));
    int most = 0;
    for (int seed = 0; seed < 400; seed++) {
      Random random = new Random(seed);
      byte[] text = text(random, seed).getBytes(UTF_8);
      for (int i = random.nextInt(4); i > 0 && text.length > 0; i--) {
        text[random.nextInt(text.length)] = (byte) random.nextInt(128, 256);
      }
      for (Tokenizer tokenizer : tokenizers) {
        int part = 1 + random.nextInt(30);
        Tokens parts = inParts(tokenizer, EncodeOptions.PLAIN, text, part, true);
        Tokens whole = atOnce(tokenizer, EncodeOptions.PLAIN, text, true);
        assertEquals(whole.ids, parts.ids, tokenizer.name() + ", seed " + seed);
        assertEquals(whole.ranges, parts.ranges, tokenizer.name() + ", seed " + seed);
        most = Math.max(most, parts.parts);
      }
    }
    assertTrue(most > 5, "at most " + most + " parts");
  }

  @Test
  void anInvalidByteIsNamedByItsOffsetInTheText() {
    Tokenizer tokenizer = Tokenizers.builtIn("cl100k_base");
    for (int at : new int[] {0, 7, 300, 999}) {
      byte[] text = "the cat sat on a mat. ".repeat(50).substring(0, 1000).getBytes(UTF_8);
      text[at] = (byte) 0xff;
      MalformedTextException e =
          assertThrows(
              MalformedTextException.class,
              () -> inParts(tokenizer, EncodeOptions.PLAIN, text, 16, false));
      assertEquals(at, e.offset());
      MalformedTextException inLine =
          assertThrows(MalformedTextException.class, () -> lines(tokenizer, text, 16));
      assertEquals(at, inLine.offset());
    }
  }

  @Test
  void whatCannotBeCutIsHeldUpToALimit() throws IOException {
    Tokenizer tokenizer = small("whole: no pieces");
    StreamEncoder encoder =
        new StreamEncoder(tokenizer, EncodeOptions.PLAIN, false, false, 1, 16, 256);
    for (int length : new int[] {255, 256, 300}) {
      ByteArrayInputStream in =
          new ByteArrayInputStream("ab ".repeat(100).getBytes(UTF_8), 0, length);
      StreamEncoder.Out<TokenBuffer> out = tokens -> assertTrue(tokens.hasOffsets());
      if (length < 256) {
        encoder.encode(in, () -> new TokenBuffer(true), (chunk, t) -> {}, out);
      } else {
        UncuttableTextException e =
            assertThrows(
                UncuttableTextException.class,
                () -> encoder.encode(in, () -> new TokenBuffer(true), (chunk, t) -> {}, out));
        assertTrue(
            String.valueOf(e.getMessage()).contains("must see a text whole"), e.getMessage());
      }
    }
  }

  private static List<String> lines(Tokenizer tokenizer, byte[] text, int part) throws IOException {
    List<String> all = new ArrayList<>();
    new StreamEncoder(tokenizer, EncodeOptions.WITH_SPECIAL, false, true, 2, part, 1 << 20)
        .<List<String>>encodeLines(
            new ByteArrayInputStream(text),
            ArrayList::new,
            (chunk, result) ->
                result.add(
                    chunk.offset()
                        + new String(chunk.text(), chunk.from(), chunk.to() - chunk.from(), UTF_8)
                        + chunk.tokens()),
            all::addAll);
    return all;
  }

  @Test
  void linesAreTextsOfTheirOwn() throws IOException {
    Tokenizer tokenizer = small("llama");
    for (int seed = 0; seed < 500; seed++) {
      Random random = new Random(seed);
      String text = text(random, seed).replace("a", random.nextBoolean() ? "\n" : "a");
      List<String> expected = new ArrayList<>();
      int offset = 0;
      String[] lines = text.split("\n", -1);
      for (int i = 0; i < lines.length; i++) {
        if (i < lines.length - 1 || !lines[i].isEmpty()) {
          TokenBuffer tokens = tokenizer.encodeWithOffsets(lines[i], EncodeOptions.WITH_SPECIAL);
          expected.add(offset + lines[i] + tokens);
        }
        offset += lines[i].getBytes(UTF_8).length + 1;
      }
      byte[] bytes = text.getBytes(UTF_8);
      assertEquals(expected, lines(tokenizer, bytes, 1 + random.nextInt(40)), "seed " + seed);
    }
  }
}
