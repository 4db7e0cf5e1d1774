package jllm.tokenize.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Encoder;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;
import jllm.tokenize.corpus.CutRule;
import jllm.tokenize.read.Tokenizers;
import jllm.tokenize.train.BpeTrainer;
import jllm.tokenize.train.TrainListener;
import jllm.tokenize.train.TrainOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * At every place where a text may be cut, its two sides give the tokens of the whole: with all
 * forms of Unicode, over texts of characters that decompose, compose and change their order.
 */
class CutsTest {
  private static final String[] PARTS = {
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "a",
    "B",
    "xyz",
    "Word",
    "'s",
    "'",
    "'LL",
    "\u2019",
    "1",
    "123456",
    ".",
    ",",
    "...",
    "/",
    "(",
    "-",
    "=",
    "$",
    "\u3002",
    "\u4e2d\u6587",
    "\u00a0",
    "\u3000",
    "\u2003",
    "\u0085",
    "\u200d",
    "\ud83d\ude00",
    "\u00b2",
    "\u0660",
    "\u01c5",
    "\u0130",
    "\u03a3",
    // Composed, decomposed, in another order.
    "\u00e9",
    "e\u0301",
    "e\u0323\u0302",
    "\u1ec7",
    "\u1e9b\u0323",
    "\u0301",
    "\u0323",
    "\u0345",
    "\u0338",
    "\u3099",
    "\u304b",
    "\u304c",
    // Hangul: syllables, their parts, and those of compatibility and half width.
    "\ud55c",
    "\uac00",
    "\u1112",
    "\u1161",
    "\u11ab",
    "\u3131",
    "\uffa1",
    // Letters that never stay composed.
    "\u0958",
    "\u0929",
    "\u0928",
    "\u093c",
    "\u09dc",
    "\ufb2a",
    "\u0f43",
    "\ud834\udd5e",
    // Singletons.
    "\u212b",
    "\u2126",
    "\u037e",
    "\u0387",
    "\uf900",
    "\u0340",
    "\u0344",
    // Letters and others that compatibility takes apart, some into a space and a mark.
    "\ufb01",
    "\u037a",
    "\u1fbd",
    "\u00b4",
    "\ufe70",
    "\ufe79",
    "\ufdfa",
    "\u0e33",
    "\u0149",
    "\u2160",
    "\u33a2",
    "\u2474",
    // Vowels in two parts.
    "\u09c7\u09be",
    "\u0b47\u0b56",
    // Added tokens.
    "<|end|>",
    "a\u00a0b",
    "a b",
    "e\u0301 x",
    "\u00e9 x"
  };

  private static final List<String> NORMALIZERS =
      List.of(
          "null",
          form("NFC"),
          form("NFD"),
          form("NFKC"),
          form("NFKD"),
          form("Lowercase"),
          form("StripAccents"),
          form("Nmt"),
          sequence(form("NFD"), form("StripAccents")),
          sequence(form("NFD"), form("StripAccents"), form("Lowercase")),
          sequence(form("NFKC"), form("Lowercase")),
          sequence(form("Lowercase"), form("NFKD")),
          sequence(form("NFC"), replace("{\"Regex\":\" {2,}\"}", "_")),
          "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
              + "\"strip_accents\":null,\"lowercase\":true}");

  @TempDir Path folder;

  private static String form(String name) {
    return "{\"type\":\"" + name + "\"}";
  }

  private static String replace(String pattern, String content) {
    return "{\"type\":\"Replace\",\"pattern\":" + pattern + ",\"content\":\"" + content + "\"}";
  }

  private static String sequence(String... all) {
    return "{\"type\":\"Sequence\",\"normalizers\":[" + String.join(",", all) + "]}";
  }

  private static String text(Random random, int most) {
    StringBuilder text = new StringBuilder();
    int parts = 2 + random.nextInt(most);
    for (int i = 0; i < parts; i++) {
      text.append(PARTS[random.nextInt(PARTS.length)]);
    }
    return text.toString();
  }

  /** The JSON of a vocabulary with merges over words, marks, spaces and punctuation. */
  private String json(String pattern) throws IOException {
    // All forms are in it, so that tokens differ wherever pieces do.
    StringBuilder text = new StringBuilder();
    for (java.text.Normalizer.Form form : java.text.Normalizer.Form.values()) {
      text.append(java.text.Normalizer.normalize(text(new Random(1), 8000), form));
    }
    Path file = Files.writeString(folder.resolve("learn.txt"), text);
    Path out = folder.resolve("out");
    new BpeTrainer(
            TrainOptions.of(1000).withPattern(pattern).withSpecialTokens(List.of("<|end|>")),
            TrainListener.NONE)
        .train(Corpus.of(List.of(file), CorpusOptions.DEFAULT))
        .write(out, true);
    return Files.readString(out.resolve("tokenizer.json"));
  }

  private static Tokenizer with(String json, String normalizer, String... added) {
    String changed = json.replace("\"normalizer\" : null", "\"normalizer\" : " + normalizer);
    assertTrue(normalizer.equals("null") || !changed.equals(json), "the layout has changed");
    if (added.length > 0) {
      StringBuilder tokens = new StringBuilder("\"added_tokens\" : [");
      for (int i = 0; i < added.length; i++) {
        tokens
            .append("{\"id\":")
            .append(1000 + i)
            .append(",\"content\":\"")
            .append(added[i])
            .append("\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,")
            .append("\"normalized\":true,\"special\":false},");
      }
      String before = changed;
      changed = changed.replace("\"added_tokens\" : [", tokens.toString());
      assertFalse(before.equals(changed), "the layout has changed");
    }
    return Tokenizers.json(changed, normalizer);
  }

  /** Returns how many cuts were tried. */
  private static int check(String what, Tokenizer tokenizer, int rounds) {
    CutRule rule = Cuts.of(tokenizer, true).rule();
    Encoder encoder = tokenizer.newEncoder();
    TokenBuffer whole = new TokenBuffer();
    TokenBuffer parts = new TokenBuffer();
    int cuts = 0;
    for (int seed = 0; seed < rounds; seed++) {
      String source = text(new Random(seed), 20);
      byte[] text = source.getBytes(UTF_8);
      whole.clear();
      encoder.encode(text, 0, text.length, EncodeOptions.PARSE_SPECIAL, whole);
      int cut = rule.last(text, 0, text.length);
      while (cut >= 0) {
        parts.clear();
        encoder.encode(text, 0, cut, EncodeOptions.PARSE_SPECIAL, parts);
        encoder.encode(text, cut, text.length, EncodeOptions.PARSE_SPECIAL, parts);
        int at = cut;
        assertArrayEquals(
            whole.toArray(),
            parts.toArray(),
            () ->
                what + ", code points " + hex(source) + ", cut at " + at + " in '" + source + "'");
        cuts++;
        cut = rule.last(text, 0, cut);
      }
    }
    return cuts;
  }

  private static String hex(String source) {
    StringBuilder hex = new StringBuilder();
    source.codePoints().forEach(cp -> hex.append(Integer.toHexString(cp)).append(' '));
    return hex.toString().strip();
  }

  @Test
  void cutsChangeNoToken() throws IOException {
    for (String pattern : List.of("gpt2", "cl100k", "o200k", "qwen2", "tekken")) {
      String json = json(pattern);
      for (String normalizer : NORMALIZERS) {
        String what = pattern + " " + normalizer;
        int cuts = check(what, with(json, normalizer), 1500);
        assertTrue(cuts > 100, what + ": only " + cuts + " cuts");
      }
    }
  }

  /** A letter that the form takes apart ends in a mark, which takes a line end along. */
  @Test
  void aLetterThatDecomposesIsNoPlaceToCut() throws IOException {
    String json = json("cl100k");
    TreeMap<String, String> places = new TreeMap<>();
    for (String form : List.of("NFC", "NFD", "NFKC", "NFKD")) {
      CutRule rule = Cuts.of(with(json, form(form)), false).rule();
      StringBuilder cut = new StringBuilder();
      for (String letter : List.of("a", "\u00e9", "\u0958", "\ud55c", "\u212b", "\ufb01")) {
        byte[] text = ("x" + letter + "\nx").getBytes(UTF_8);
        cut.append(rule.last(text, 0, text.length) < 0 ? '-' : '+');
      }
      places.put(form, cut.toString());
    }
    assertEquals("{NFC=++-+-+, NFD=+----+, NFKC=++-+--, NFKD=+-----}", places.toString());
  }

  /** What an added token looks like in the normalized text must not be cut either. */
  @Test
  void addedTokensAreNotCutInAnyForm() throws IOException {
    String json = json("gpt2");
    for (String normalizer : NORMALIZERS) {
      for (String added : List.of("a\\u00a0b", "e\\u0301 x", "\\u00e9 x", "a\\u2003b", "Word")) {
        check(normalizer + " " + added, with(json, normalizer, added), 800);
      }
    }
  }
}
