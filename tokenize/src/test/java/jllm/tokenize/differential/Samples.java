package jllm.tokenize.differential;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import jllm.tokenize.Fixtures;
import jllm.tokenize.GgufVocabulary;
import jllm.tokenize.RandomText;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.VocabularySpec;
import jllm.tokenize.model.Unigram;
import jllm.tokenize.model.WordPiece;
import jllm.tokenize.normalize.SpmNormalizer;
import jllm.tokenize.read.Tokenizers;
import org.jspecify.annotations.Nullable;

/** Models for pipelines, from files of others. */
final class Samples {

  private Samples() {}

  private static Tokenizer sentencePiece() {
    try {
      return Tokenizers.sentencePiece(Fixtures.path("sentencepiece/unigram-1000.model"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static VocabularySpec gguf(String name) {
    return GgufVocabulary.read(Fixtures.path("vocab/" + name + ".gguf"));
  }

  /** The character map of a SentencePiece model, in base64. */
  static String precompiled() {
    SpmNormalizer n =
        (SpmNormalizer) Objects.requireNonNull(sentencePiece().pipeline().normalizer());
    return Base64.getEncoder().encodeToString(Objects.requireNonNull(n.map()).toBytes());
  }

  private static Map<String, Integer> ids(List<String> tokens) {
    Map<String, Integer> ids = new LinkedHashMap<>();
    for (String token : tokens) {
      ids.put(token, ids.size());
    }
    return ids;
  }

  /**
   * GPT-2's vocabulary and merges.
   *
   * @param ignoreMerges some merges are left out, and whole pieces are looked up first
   */
  static Map<String, @Nullable Object> gpt2(boolean ignoreMerges) {
    VocabularySpec spec = gguf("gpt-2");
    List<@Nullable Object> merges = new ArrayList<>();
    for (String merge : spec.merges()) {
      if (!ignoreMerges || merge.hashCode() % 50 != 0) {
        merges.add(merge);
      }
    }
    return bpe(ids(spec.tokens()), merges, null, false, ignoreMerges);
  }

  /** Llama 2's vocabulary; its merges are those that give a token, by rank of that token. */
  static Map<String, @Nullable Object> llama() {
    VocabularySpec spec = gguf("llama-spm");
    Map<String, Integer> ids = ids(spec.tokens());
    record Merge(String left, String right, int id) {}
    List<Merge> merges = new ArrayList<>();
    for (Map.Entry<String, Integer> e : ids.entrySet()) {
      String token = e.getKey();
      if (spec.types()[e.getValue()] != VocabularySpec.NORMAL) {
        continue;
      }
      for (int i = 1; i < token.length(); i++) {
        if (ids.containsKey(token.substring(0, i)) && ids.containsKey(token.substring(i))) {
          merges.add(new Merge(token.substring(0, i), token.substring(i), e.getValue()));
        }
      }
    }
    merges.sort(
        Comparator.comparingDouble((Merge m) -> -spec.scores()[m.id])
            .thenComparing(m -> ids.get(m.left))
            .thenComparing(m -> ids.get(m.right)));
    List<@Nullable Object> pairs = new ArrayList<>();
    merges.forEach(m -> pairs.add(List.of(m.left, m.right)));
    return bpe(ids, pairs, "<unk>", true, false);
  }

  private static Map<String, @Nullable Object> bpe(
      Map<String, Integer> ids,
      List<@Nullable Object> merges,
      @Nullable String unknown,
      boolean byteFallback,
      boolean ignoreMerges) {
    return Js.component(
        "BPE",
        "dropout",
        null,
        "unk_token",
        unknown,
        "continuing_subword_prefix",
        null,
        "end_of_word_suffix",
        null,
        "fuse_unk",
        byteFallback,
        "byte_fallback",
        byteFallback,
        "ignore_merges",
        ignoreMerges,
        "vocab",
        ids,
        "merges",
        merges);
  }

  static Map<String, @Nullable Object> bert() {
    WordPiece model = (WordPiece) Tokenizers.of(gguf("bert-bge")).pipeline().model();
    Map<String, Integer> ids = new LinkedHashMap<>();
    for (int id = 0; id < model.size(); id++) {
      ids.put(Objects.requireNonNull(model.token(id)), id);
    }
    return Js.component(
        "WordPiece",
        "unk_token",
        "[UNK]",
        "continuing_subword_prefix",
        model.prefix(),
        "max_input_chars_per_word",
        12,
        "vocab",
        ids);
  }

  static Map<String, @Nullable Object> unigram() {
    Unigram model = (Unigram) sentencePiece().pipeline().model();
    List<@Nullable Object> vocab = new ArrayList<>();
    for (int id = 0; id < model.tokens().size(); id++) {
      vocab.add(List.of(model.tokens().get(id), model.score(id)));
    }
    return Js.component(
        "Unigram", "unk_id", model.unknown(), "vocab", vocab, "byte_fallback", false);
  }

  /** The words that are most frequent in random texts. */
  static Map<String, @Nullable Object> words() {
    Map<String, Integer> counts = new HashMap<>();
    for (long seed = 1; seed <= 300; seed++) {
      String text = UnicodeEight.only(new RandomText(seed).next(20)).toLowerCase(Locale.ROOT);
      for (String word : text.split("[\\s\\p{Cc}]+")) {
        counts.merge(word, 1, Integer::sum);
      }
    }
    counts.remove("");
    List<String> tokens = new ArrayList<>(List.of("<unk>"));
    counts.entrySet().stream()
        .filter(e -> e.getValue() > 2)
        .map(Map.Entry::getKey)
        .sorted()
        .forEach(tokens::add);
    return Js.component("WordLevel", "vocab", ids(tokens), "unk_token", "<unk>");
  }
}
