package jllm.tokenize.differential;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import jllm.tokenize.RandomText;
import jllm.tokenize.text.ByteAlphabet;
import org.jspecify.annotations.Nullable;

/** A small BPE model with affixes, learned from random texts by counting pairs. */
final class SmallBpe {

  private SmallBpe() {}

  static Map<String, @Nullable Object> model(
      @Nullable String prefix, @Nullable String suffix, boolean bytes) {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    vocabulary.put("<unk>", 0);
    List<List<String>> words = new ArrayList<>();
    for (long seed = 1; seed <= 200; seed++) {
      String text = UnicodeEight.only(new RandomText(seed).next(20)).toLowerCase(Locale.ROOT);
      for (String word : text.split("[\\s\\p{Cc}]+")) {
        String spelled =
            bytes
                ? ByteAlphabet.encode(word.getBytes(java.nio.charset.StandardCharsets.UTF_8))
                : word;
        List<String> symbols = symbols(spelled, prefix, suffix);
        symbols.forEach(s -> vocabulary.putIfAbsent(s, vocabulary.size()));
        words.add(symbols);
      }
    }
    List<@Nullable Object> merges = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      List<String> best = mostFrequent(words);
      if (best == null) {
        break;
      }
      String right = best.get(1);
      if (prefix != null && right.startsWith(prefix)) {
        right = right.substring(prefix.length());
      }
      String both = best.get(0) + right;
      vocabulary.putIfAbsent(both, vocabulary.size());
      merges.add(best);
      words.forEach(w -> merge(w, best, both));
    }
    return Js.component(
        "BPE",
        "dropout",
        null,
        "unk_token",
        "<unk>",
        "continuing_subword_prefix",
        prefix,
        "end_of_word_suffix",
        suffix,
        "fuse_unk",
        false,
        "byte_fallback",
        false,
        "vocab",
        vocabulary,
        "merges",
        merges);
  }

  private static List<String> symbols(
      String word, @Nullable String prefix, @Nullable String suffix) {
    List<String> symbols = new ArrayList<>();
    int[] cps = word.codePoints().toArray();
    for (int i = 0; i < cps.length; i++) {
      symbols.add(
          (i > 0 && prefix != null ? prefix : "")
              + Character.toString(cps[i])
              + (i == cps.length - 1 && suffix != null ? suffix : ""));
    }
    return symbols;
  }

  private static @Nullable List<String> mostFrequent(List<List<String>> words) {
    Map<String, Integer> counts = new HashMap<>();
    for (List<String> w : words) {
      for (int i = 0; i + 1 < w.size(); i++) {
        counts.merge(w.get(i) + " " + w.get(i + 1), 1, Integer::sum);
      }
    }
    return new TreeMap<>(counts)
        .entrySet().stream()
            .filter(e -> e.getValue() > 1)
            .max(Comparator.comparing(Map.Entry::getValue))
            .map(e -> List.of(e.getKey().split(" ")))
            .orElse(null);
  }

  private static void merge(List<String> word, List<String> pair, String both) {
    for (int i = 0; i + 1 < word.size(); i++) {
      if (word.get(i).equals(pair.get(0)) && word.get(i + 1).equals(pair.get(1))) {
        word.set(i, both);
        word.remove(i + 1);
      }
    }
  }
}
