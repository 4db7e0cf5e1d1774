package jllm.tokenize.train;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The rule as it is told, slowly: count all pairs of all words anew for each merge. Written apart
 * from the trainer, on strings, to be compared with it merge by merge.
 */
final class ReferenceTrainer {
  record Result(List<String> tokens, List<String> merges) {}

  private record Pair(int left, int right) {}

  private final List<String> tokens = new ArrayList<>();
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<List<Integer>> words = new ArrayList<>();
  private final List<Long> counts = new ArrayList<>();

  ReferenceTrainer(Map<String, Long> wordCounts, List<String> specials) {
    specials.forEach(this::id);
    for (int codePoint = 0; codePoint < 400; codePoint++) {
      if (isByteCharacter(codePoint)) {
        id(Character.toString(codePoint));
      }
    }
    wordCounts.forEach((word, count) -> {
      List<Integer> symbols = new ArrayList<>();
      word.codePoints().forEach(c -> symbols.add(ids.get(Character.toString(c))));
      words.add(symbols);
      counts.add(count);
    });
  }

  Result train(int vocabSize, long minFrequency, int maxTokenLength) {
    List<String> merges = new ArrayList<>();
    while (ids.size() < vocabSize) {
      Map<Pair, Long> pairs = new HashMap<>();
      for (int w = 0; w < words.size(); w++) {
        List<Integer> word = words.get(w);
        for (int i = 0; i + 1 < word.size(); i++) {
          Pair pair = new Pair(word.get(i), word.get(i + 1));
          int a = length(pair.left());
          int b = length(pair.right());
          boolean fits = a == 1 && b == 1 || maxTokenLength == 0 || a + b < maxTokenLength;
          if (fits) {
            pairs.merge(pair, counts.get(w), Long::sum);
          }
        }
      }
      Pair best = null;
      long bestCount = 0;
      for (Map.Entry<Pair, Long> e : pairs.entrySet()) {
        Pair p = e.getKey();
        boolean smaller =
            best != null
                && (p.left() < best.left() || p.left() == best.left() && p.right() < best.right());
        if (e.getValue() > bestCount || e.getValue() == bestCount && smaller) {
          best = p;
          bestCount = e.getValue();
        }
      }
      if (best == null || bestCount < minFrequency) {
        break;
      }
      merges.add(tokens.get(best.left()) + " " + tokens.get(best.right()));
      int merged = id(tokens.get(best.left()) + tokens.get(best.right()));
      for (List<Integer> word : words) {
        for (int i = 0; i + 1 < word.size(); i++) {
          if (word.get(i) == best.left() && word.get(i + 1) == best.right()) {
            word.set(i, merged);
            word.remove(i + 1);
          }
        }
      }
    }
    return new Result(tokens, merges);
  }

  /** What the words have become. */
  List<List<Integer>> words() {
    return words;
  }

  private int length(int id) {
    return tokens.get(id).length();
  }

  private int id(String token) {
    return ids.computeIfAbsent(
        token,
        t -> {
          tokens.add(t);
          return tokens.size() - 1;
        });
  }

  private static boolean isByteCharacter(int c) {
    return c >= '!' && c <= '~' || c >= 0xA1 && c <= 0xAC || c >= 0xAE && c < 256 + 68;
  }
}
