package jllm.tokenize.differential;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import jllm.tokenize.AddedToken;
import jllm.tokenize.RandomText;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.text.ByteAlphabet;
import jllm.tokenize.text.Workspace;
import org.jspecify.annotations.Nullable;

/**
 * Random {@code tokenizer.json} texts: every component with every option, over a small random
 * vocabulary. Seeded.
 */
final class RandomPipelines {

  private static final List<String> SAMPLES =
      List.of(
          "the",
          "Hello",
          "world",
          "don't",
          "I'll",
          "caf\u00e9",
          "\u4f60\u597d",
          "\u65e5\u672c",
          "\u3072\u3089",
          "123",
          "2024",
          "x86_64",
          "...",
          "!?",
          "e\u0301",
          "\ud83d\ude00",
          "\ud55c\uad6d",
          "a.b.c",
          "C++",
          "  ",
          "\n\n",
          "hello",
          "cafe",
          "\u2581the",
          "\u2581world",
          "\u2581",
          "\u0394\u03bb",
          "fine",
          "12");
  private static final List<String> ADDED =
      List.of(
          "<s>",
          "</s>",
          "[MASK]",
          "Hello",
          "the",
          " the",
          "ab",
          "\u00e9",
          "\u2581x",
          "\n\n",
          "don",
          "\u0130",
          "<|x|>",
          "<|x|> ",
          "a",
          "lo wo",
          "\ud83d\ude00",
          "'s",
          "\u4f60",
          "1",
          "e\u0301",
          "HTTP",
          " ",
          "C++",
          "world");
  private static final List<String> BEHAVIORS =
      List.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");
  private static final List<String> LITERALS =
      List.of(" ", "l", "  ", "e", "\n", "'", "-", ".", "lo", "\u2581", "\u0301", "", "1");
  private static final List<String> REGEXES =
      List.of(
          "\\s+",
          " ?\\p{L}+",
          "\\d",
          "\\p{N}{1,3}",
          "[^\\s\\p{L}\\p{N}]+",
          "\\w+|[^\\w\\s]+",
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
              + " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
          " {2,}",
          ".",
          "^.",
          ".$",
          "\\s+$",
          "^\\s+",
          "(?<=l)",
          "\\b",
          "[a-z&&[^aeiou]]+",
          "x*",
          "[\\p{Han}\\p{Hiragana}]+",
          "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
          "(\\d{1,2})+",
          "[0-9]{1,2}+",
          "\\p{P}",
          "[[:punct:]]",
          "[[:alpha:]]+",
          "\\S",
          "\\W",
          "\\h",
          "\\R",
          "(?i)HELLO",
          "(?m:.+)",
          "\\p{Lu}",
          "\\p{^Lu}+",
          "\\P{L}",
          "[^\\S\\n]+",
          "\\A\\s",
          "l?",
          "\\p{M}+",
          "(?s).",
          "(?x: a )",
          "\\n|\\r",
          "[\\s\\S]{3}",
          "\\u3042",
          "\\x41",
          "\\x{e9}");

  private final SplittableRandom random;
  private final Map<String, Integer> vocabulary = new LinkedHashMap<>();

  /** The added tokens of the last pipeline, to be put into texts. */
  final List<String> added = new ArrayList<>();

  /** Whether the last pipeline's ranges are worth comparing. */
  boolean ranges;

  RandomPipelines(long seed) {
    random = new SplittableRandom(seed);
  }

  private boolean flip(double p) {
    return random.nextDouble() < p;
  }

  private <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }

  /** A whole file. */
  Map<String, @Nullable Object> next() {
    vocabulary.clear();
    added.clear();
    ranges = true;
    Map<String, @Nullable Object> model = model();
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("version", "1.0");
    json.put("truncation", null);
    json.put("padding", null);
    // A unigram model of ours does not find special tokens in text.
    json.put("added_tokens", addedTokens("Unigram".equals(model.get("type"))));
    json.put("normalizer", flip(0.4) ? null : normalizer(0));
    json.put("pre_tokenizer", flip(0.25) ? null : preTokenizer(0));
    json.put("post_processor", flip(0.4) ? null : postProcessor(0));
    json.put("decoder", flip(0.2) ? null : decoder(0));
    json.put("model", model);
    // What a normalized added token took along is trimmed as it was normalized.
    // Two trimmings trim what an added token took along twice.
    String trimming = "\"trim_offsets\":true";
    String post = Js.text(json.get("post_processor"));
    ranges &= post.indexOf(trimming) == post.lastIndexOf(trimming);
    // So is what Unigram does not know.
    ranges &=
        !Js.text(model).contains("\"Unigram\"")
            || !Js.text(json.get("post_processor")).contains("\"trim_offsets\":true");
    ranges &=
        json.get("normalizer") == null
            || !Js.text(json).contains("\"normalized\":true")
            || !Js.text(json.get("post_processor")).contains("\"trim_offsets\":true");
    return json;
  }

  private List<@Nullable Object> addedTokens(boolean unigram) {
    Map<String, Integer> ids = new LinkedHashMap<>();
    Map<Integer, @Nullable Object> tokens = new java.util.TreeMap<>();
    int size = vocabulary.size();
    int n = random.nextInt(6);
    Set<String> contents = new LinkedHashSet<>();
    for (int i = 0; i < n; i++) {
      contents.add(pick(ADDED));
    }
    // Tokens of the model come first, so that the others' ids go on from the vocabulary's.
    List<String> order = new ArrayList<>(contents);
    int next = size;
    // White space that one token takes along and another one is crashes the library.
    boolean rstrip = order.stream().allMatch(c -> c.strip().equals(c));
    for (String content : order) {
      Integer known = vocabulary.get(content);
      int id = known != null ? known : next++;
      ids.put(content, id);
      tokens.put(
          id,
          Js.object(
              "id",
              id,
              "content",
              content,
              "single_word",
              flip(0.3),
              "lstrip",
              flip(0.3),
              "rstrip",
              rstrip && flip(0.3),
              "normalized",
              flip(0.5),
              "special",
              flip(0.5) && !(unigram && known != null)));
      added.add(content);
    }
    return new ArrayList<>(tokens.values());
  }

  private Map<String, @Nullable Object> normalizer(int depth) {
    return switch (random.nextInt(depth == 0 ? 17 : 13)) {
      case 0 -> Js.component("NFC");
      case 1 -> Js.component("NFD");
      case 2 -> Js.component("NFKC");
      case 3 -> Js.component("NFKD");
      case 4 -> Js.component("Lowercase");
      case 5 -> Js.component("StripAccents");
      case 6 -> Js.component("Strip", "strip_left", flip(0.5), "strip_right", flip(0.5));
      case 7 ->
          Js.component(
              "Replace",
              "pattern",
              fullPattern(),
              "content",
              pick(List.of("", " ", "_", "xy", "\u2581")));
      case 8 -> Js.component("Prepend", "prepend", pick(List.of("\u2581", " ", "ab")));
      case 9 ->
          Js.component(
              "BertNormalizer",
              "clean_text",
              flip(0.5),
              "handle_chinese_chars",
              flip(0.5),
              "strip_accents",
              flip(0.3) ? null : flip(0.5),
              "lowercase",
              flip(0.5));
      case 10 -> Js.component("Nmt");
      case 11 -> Js.component("Precompiled", "precompiled_charsmap", Samples.precompiled());
      case 12 -> flip(0.3) ? Js.component("ByteLevel") : Js.component("NFC");
      default -> {
        List<@Nullable Object> list = new ArrayList<>();
        int n = random.nextInt(1, 4);
        for (int i = 0; i < n; i++) {
          list.add(normalizer(1));
        }
        yield Js.component("Sequence", "normalizers", list);
      }
    };
  }

  /** Whether the library can be given it: it crashes where a normalized token is left empty. */
  static boolean isSafe(Tokenizer tokenizer) {
    Normalizer normalizer = tokenizer.pipeline().normalizer();
    for (AddedToken token : tokenizer.pipeline().added()) {
      if (normalizer != null && token.normalized()) {
        Workspace workspace = new Workspace();
        byte[] bytes = token.content().getBytes(StandardCharsets.UTF_8);
        workspace.wrap(bytes, 0, bytes.length);
        normalizer.normalize(workspace);
        if (workspace.text().isEmpty()) {
          return false;
        }
      }
    }
    return true;
  }

  /** A pattern that matches no empty text: what that puts before a text crashes the library. */
  private Map<String, @Nullable Object> fullPattern() {
    while (true) {
      Map<String, @Nullable Object> p = pattern();
      String s = String.valueOf(p.values().iterator().next());
      if (!s.isEmpty() && !List.of("x*", "l?", "\\b", "(?<=l)").contains(s)) {
        return p;
      }
    }
  }

  private Map<String, @Nullable Object> pattern() {
    return flip(0.4) ? Js.object("String", pick(LITERALS)) : Js.object("Regex", pick(REGEXES));
  }

  private Map<String, @Nullable Object> preTokenizer(int depth) {
    return switch (random.nextInt(depth == 0 ? 15 : 11)) {
      case 0 ->
          Js.component(
              "ByteLevel",
              "add_prefix_space",
              flip(0.5),
              "trim_offsets",
              flip(0.5),
              "use_regex",
              flip(0.5));
      case 1, 2 ->
          Js.component(
              "Split", "pattern", pattern(), "behavior", pick(BEHAVIORS), "invert", flip(0.4));
      case 3 -> Js.component("Digits", "individual_digits", flip(0.5));
      case 4 -> Js.component("Punctuation", "behavior", pick(BEHAVIORS));
      case 5 -> Js.component("Whitespace");
      case 6 -> Js.component("WhitespaceSplit");
      case 7 ->
          Js.component("CharDelimiterSplit", "delimiter", pick(List.of("e", " ", "\u4f60", ".")));
      case 8 -> metaspace();
      case 9 -> Js.component("BertPreTokenizer");
      case 10 -> Js.component("UnicodeScripts");
      default -> {
        List<@Nullable Object> list = new ArrayList<>();
        int n = random.nextInt(1, 4);
        for (int i = 0; i < n; i++) {
          list.add(preTokenizer(1));
        }
        yield Js.component("Sequence", "pretokenizers", list);
      }
    };
  }

  private Map<String, @Nullable Object> metaspace() {
    return Js.component(
        "Metaspace",
        "replacement",
        flip(0.9) ? "\u2581" : "_",
        "prepend_scheme",
        pick(List.of("first", "never", "always")),
        "split",
        flip(0.7));
  }

  private Map<String, @Nullable Object> postProcessor(int depth) {
    List<String> tokens = new ArrayList<>(vocabulary.keySet());
    return switch (random.nextInt(depth == 0 ? 6 : 4)) {
      case 0 ->
          Js.component(
              "ByteLevel",
              "add_prefix_space",
              flip(0.5),
              "trim_offsets",
              flip(0.7),
              "use_regex",
              flip(0.5));
      case 1 -> Js.component("BertProcessing", "sep", pair(tokens), "cls", pair(tokens));
      case 2 ->
          Js.component(
              "RobertaProcessing",
              "sep",
              pair(tokens),
              "cls",
              pair(tokens),
              "trim_offsets",
              flip(0.6),
              "add_prefix_space",
              flip(0.5));
      case 3 -> template(tokens);
      default -> {
        List<@Nullable Object> list = new ArrayList<>();
        list.add(postProcessor(1));
        if (flip(0.7)) {
          list.add(
              flip(0.5) ? 0 : list.size(),
              Js.component(
                  "ByteLevel",
                  "add_prefix_space",
                  flip(0.5),
                  "trim_offsets",
                  flip(0.7),
                  "use_regex",
                  flip(0.5)));
        }
        yield Js.component("Sequence", "processors", list);
      }
    };
  }

  private List<@Nullable Object> pair(List<String> tokens) {
    String token = pick(tokens);
    List<@Nullable Object> list = new ArrayList<>();
    list.add(token);
    list.add(vocabulary.get(token));
    return list;
  }

  private Map<String, @Nullable Object> template(List<String> tokens) {
    Map<String, @Nullable Object> specials = new LinkedHashMap<>();
    List<@Nullable Object> single = new ArrayList<>();
    int before = random.nextInt(3);
    int after = random.nextInt(3);
    for (int i = 0; i <= before + after; i++) {
      if (i == before) {
        single.add(Js.object("Sequence", Js.object("id", "A", "type_id", 0)));
      } else {
        String token = pick(tokens);
        int id = java.util.Objects.requireNonNull(vocabulary.get(token));
        boolean two = flip(0.2);
        specials.put(
            token,
            Js.object(
                "id",
                token,
                "ids",
                two ? List.of(id, 0) : List.of(id),
                "tokens",
                two ? List.of(token, "x") : List.of(token)));
        single.add(Js.object("SpecialToken", Js.object("id", token, "type_id", 0)));
      }
    }
    List<@Nullable Object> couple = new ArrayList<>();
    couple.add(Js.object("Sequence", Js.object("id", "A", "type_id", 0)));
    couple.add(Js.object("Sequence", Js.object("id", "B", "type_id", 1)));
    return Js.component(
        "TemplateProcessing", "single", single, "pair", couple, "special_tokens", specials);
  }

  private Map<String, @Nullable Object> decoder(int depth) {
    return switch (random.nextInt(depth == 0 ? 13 : 9)) {
      case 0 ->
          Js.component(
              "ByteLevel", "add_prefix_space", true, "trim_offsets", true, "use_regex", true);
      case 1 -> metaspace();
      case 2 -> Js.component("WordPiece", "prefix", pick(List.of("##", "@")), "cleanup", flip(0.5));
      case 3 -> Js.component("ByteFallback");
      case 4 -> Js.component("Fuse");
      case 5 ->
          Js.component(
              "Strip",
              "content",
              pick(List.of(" ", "\u2581", "l")),
              "start",
              random.nextInt(3),
              "stop",
              0);
      case 6 ->
          Js.component(
              "Replace", "pattern", pattern(), "content", pick(List.of("", " ", "_", "xy")));
      case 7 -> Js.component("BPEDecoder", "suffix", pick(List.of("</w>", "e", "")));
      case 8 ->
          Js.component(
              "CTC",
              "pad_token",
              pick(List.of("<pad>", "l")),
              "word_delimiter_token",
              pick(List.of("|", "\u2581")),
              "cleanup",
              flip(0.5));
      default -> {
        List<@Nullable Object> list = new ArrayList<>();
        int n = random.nextInt(1, 5);
        for (int i = 0; i < n; i++) {
          list.add(decoder(1));
        }
        yield Js.component("Sequence", "decoders", list);
      }
    };
  }

  private static List<String> allBytes() {
    List<String> all = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      all.add(String.format("<0x%02X>", b));
    }
    return all;
  }

  private void add(String token) {
    if (!token.isEmpty()) {
      vocabulary.putIfAbsent(token, vocabulary.size());
    }
  }

  private Map<String, @Nullable Object> model() {
    if (flip(0.8)) {
      add("<unk>");
    }
    List<String> words = new ArrayList<>();
    boolean bytes = flip(0.5);
    for (String sample : SAMPLES) {
      if (flip(0.8)) {
        words.add(sample);
      }
      if (bytes) {
        words.add(ByteAlphabet.encode(sample.getBytes(StandardCharsets.UTF_8)));
        words.add("\u0120" + sample);
      }
    }
    if (bytes && flip(0.8)) {
      for (int b = 0; b < 256; b++) {
        add(Character.toString(ByteAlphabet.toChar(b)));
      }
    }
    boolean fallback = flip(0.4);
    if (fallback) {
      for (int b = 0; b < 256; b++) {
        if (b < 250 || flip(0.9)) {
          add(String.format("<0x%02X>", b));
        }
      }
    }
    return switch (random.nextInt(5)) {
      case 0 -> wordLevel(words);
      case 1 -> wordPiece(words);
      case 2 -> unigram(words, fallback);
      default -> bpe(words, fallback);
    };
  }

  private Map<String, @Nullable Object> wordLevel(List<String> words) {
    words.forEach(this::add);
    add("<unk>");
    String unknown = "<unk>";
    return Js.component("WordLevel", "vocab", Map.copyOf(vocabulary), "unk_token", unknown);
  }

  private Map<String, @Nullable Object> wordPiece(List<String> words) {
    String prefix = pick(List.of("##", "@", ""));
    add("<unk>");
    for (String word : words) {
      int[] cps = word.codePoints().toArray();
      for (int i = 0; i < cps.length; i++) {
        int to = random.nextInt(i + 1, cps.length + 1);
        String part = new String(cps, i, to - i);
        if (flip(0.7)) {
          add(i == 0 ? part : prefix + part);
        }
        if (flip(0.7)) {
          add(prefix + new String(cps, i, 1));
        }
      }
    }
    return Js.component(
        "WordPiece",
        "vocab",
        Map.copyOf(vocabulary),
        "unk_token",
        "<unk>",
        "continuing_subword_prefix",
        prefix,
        "max_input_chars_per_word",
        pick(List.of(100, 5, 0)));
  }

  private Map<String, @Nullable Object> unigram(List<String> words, boolean fallback) {
    for (String word : words) {
      int[] cps = word.codePoints().toArray();
      for (int i = 0; i < cps.length; i++) {
        if (flip(0.6)) {
          add(new String(cps, i, 1));
        }
        add(new String(cps, i, random.nextInt(i + 1, cps.length + 1) - i));
      }
    }
    List<@Nullable Object> vocab = new ArrayList<>();
    for (String token : vocabulary.keySet()) {
      vocab.add(List.of(token, -random.nextDouble() * 10));
    }
    return Js.component(
        "Unigram",
        "unk_id",
        flip(0.9) ? 0 : random.nextInt(vocab.size()),
        "vocab",
        vocab,
        "byte_fallback",
        fallback);
  }

  private Map<String, @Nullable Object> bpe(List<String> words, boolean fallback) {
    String prefix = flip(0.8) ? null : pick(List.of("##", "@", ""));
    String suffix = flip(0.8) ? null : pick(List.of("</w>", ";", ""));
    List<List<String>> symbols = new ArrayList<>();
    for (String word : words) {
      List<String> list = new ArrayList<>();
      int[] cps = word.codePoints().toArray();
      for (int i = 0; i < cps.length; i++) {
        String s = new String(cps, i, 1);
        s = (i > 0 && prefix != null ? prefix : "") + s;
        s = s + (i == cps.length - 1 && suffix != null ? suffix : "");
        list.add(s);
        if (flip(0.95)) {
          add(s);
        }
      }
      list.removeIf(s -> !vocabulary.containsKey(s));
      symbols.add(list);
    }
    List<@Nullable Object> merges = new ArrayList<>();
    Set<List<String>> known = new java.util.HashSet<>();
    int n = random.nextInt(120);
    for (int i = 0; i < n; i++) {
      List<String> list = pick(symbols);
      if (list.size() < 2) {
        continue;
      }
      int at = random.nextInt(list.size() - 1);
      String left = list.get(at);
      String right = list.get(at + 1);
      if (prefix != null && right.startsWith(prefix)) {
        right = right.substring(prefix.length());
      }
      String both = left + right;
      if (!known.add(List.of(left, list.get(at + 1)))) {
        continue;
      }
      add(both);
      boolean pairs = left.contains(" ") || list.get(at + 1).contains(" ") || i % 2 == 0;
      merges.add(
          pairs && !merges.isEmpty() || true
              ? List.of(left, list.get(at + 1))
              : left + " " + list.get(at + 1));
      list.set(at, both);
      list.remove(at + 1);
    }
    for (String word : words) {
      if (flip(0.2)) {
        add(word);
      }
    }
    boolean unknown = vocabulary.containsKey("<unk>") && flip(0.7);
    // The library computes ranges from the lengths of symbols: they shift where a character is left
    // out, where the bytes of affixes count as text, and where bytes overtake an unknown character.
    boolean affixes = prefix != null && !prefix.isEmpty() || suffix != null && !suffix.isEmpty();
    ranges = fallback ? !affixes && vocabulary.keySet().containsAll(allBytes()) : unknown;
    return Js.component(
        "BPE",
        "dropout",
        null,
        "unk_token",
        unknown ? "<unk>" : null,
        "continuing_subword_prefix",
        prefix,
        "end_of_word_suffix",
        suffix,
        "fuse_unk",
        flip(0.5),
        "byte_fallback",
        fallback,
        "ignore_merges",
        flip(0.3),
        "vocab",
        Map.copyOf(vocabulary),
        "merges",
        merges);
  }

  /** A random text with added tokens inside. */
  static String text(SplittableRandom random, List<String> added) {
    String text = UnicodeEight.only(new RandomText(random.nextLong()).next(20));
    if (!added.isEmpty() && random.nextInt(3) > 0) {
      int n = random.nextInt(1, 4);
      StringBuilder b = new StringBuilder();
      int[] cps = text.codePoints().toArray();
      int at = 0;
      for (int i = 0; i < n; i++) {
        int to = random.nextInt(at, cps.length + 1);
        b.append(new String(cps, at, to - at)).append(added.get(random.nextInt(added.size())));
        at = to;
      }
      return b.append(new String(cps, at, cps.length - at)).toString();
    }
    return text;
  }
}
