package jllm.tokenize.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import jllm.tokenize.text.ByteAlphabet;
import org.junit.jupiter.api.Test;

class BpeMergerTest {

  @Test
  void randomWordsOverSmallAlphabetsEqualTheReference() {
    for (int round = 0; round < 400; round++) {
      long seed = 1000 + round;
      Random random = new Random(seed);
      // Few letters and few counts give long runs, overlaps and ties.
      int letters = 1 + random.nextInt(5);
      int maxCount = 1 + random.nextInt(4);
      Map<String, Long> words = new LinkedHashMap<>();
      int n = 1 + random.nextInt(60);
      for (int i = 0; i < n; i++) {
        StringBuilder word = new StringBuilder();
        int length = 1 + random.nextInt(14);
        for (int k = 0; k < length; k++) {
          word.append((char) ('a' + random.nextInt(letters)));
        }
        words.merge(word.toString(), 1L + random.nextInt(maxCount), Long::sum);
      }
      compare(
          words,
          random.nextBoolean() ? List.of() : List.of("<|a|>", "ab", "c", "ab", "bab"),
          random.nextInt(5),
          random.nextInt(3) > 0 ? 0 : 1 + random.nextInt(7),
          258 + random.nextInt(120),
          "seed " + seed);
    }
  }

  @Test
  void randomBytesEqualTheReference() {
    for (int round = 0; round < 20; round++) {
      long seed = 77 + round;
      Random random = new Random(seed);
      Map<String, Long> words = new LinkedHashMap<>();
      for (int i = 0; i < 300; i++) {
        byte[] word = new byte[1 + random.nextInt(9)];
        for (int k = 0; k < word.length; k++) {
          word[k] = (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : 200 + random.nextInt(9));
        }
        words.merge(ByteAlphabet.encode(word), 1L + random.nextInt(3), Long::sum);
      }
      compare(words, List.of("<s>", "</s>"), 0, 0, 600, "seed " + seed);
    }
  }

  @Test
  void tiesGoToTheSmallerPairOfIds() {
    // Four pairs that each occur twice: (a,b), (a,c), (b,a), (c,a).
    Merges merges = train(Map.of("ab", 2L, "ac", 2L, "ba", 2L, "ca", 2L), List.of(), 0, 0, 260);
    assertEquals(List.of("a b", "a c", "b a", "c a"), texts(merges));
  }

  @Test
  void idsAreSpecialTokensThenBytesByCodePointThenMerges() {
    Merges merges = train(Map.of("xy", 1L), List.of("<|endoftext|>", "<pad>"), 0, 0, 1000);
    assertEquals(2 + 256 + 1, merges.tokens().size());
    assertEquals(List.of("<|endoftext|>", "<pad>", "!", "\""), merges.tokens().subList(0, 4));
    assertEquals("\u0143", merges.tokens().get(257)); // the soft hyphen, 173
    assertEquals(257, merges.byteIds()[173]);
    assertEquals("xy", merges.tokens().get(258));
  }

  @Test
  void specialTokenWithTheTextOfAMergeKeepsItsId() {
    Merges merges = train(Map.of("abc", 3L), List.of("ab"), 0, 0, 258);
    assertEquals(List.of("a b", "ab c"), texts(merges));
    assertEquals(0, merges.result()[0]);
    assertEquals(257, merges.result()[1]);
    assertEquals(258, merges.tokens().size());
  }

  @Test
  void countsAreSixtyFourBit() {
    long many = 3_000_000_000L;
    Merges merges = train(Map.of("ab", many, "cd", many + 1, "bd", many), List.of(), 0, 0, 258);
    assertEquals(List.of("c d", "a b"), texts(merges));
  }

  @Test
  void cancellingThrowsOutOfTheMerging() {
    WordCounts words = words(Map.of("abcdefgh".repeat(40), 3L));
    BpeMerger merger = new BpeMerger(words, List.of(), 0, 0);
    assertThrows(
        CancellationException.class,
        () ->
            merger.merge(
                5000,
                done -> {
                  throw new CancellationException();
                }));
  }

  @Test
  void growsThroughManyPairsAndCompactions() {
    long seed = 5;
    Random random = new Random(seed);
    Map<String, Long> words = new LinkedHashMap<>();
    for (int i = 0; i < 1500; i++) {
      StringBuilder word = new StringBuilder();
      int length = 2 + random.nextInt(10);
      for (int k = 0; k < length; k++) {
        word.append((char) ('A' + (int) Math.abs(random.nextGaussian() * 12)));
      }
      words.merge(word.toString(), 1L + random.nextInt(20), Long::sum);
    }
    compare(words, List.of(), 2, 0, 1200, "seed " + seed);
  }

  private static void compare(
      Map<String, Long> wordCounts,
      List<String> specials,
      long minFrequency,
      int maxLength,
      int vocabSize,
      String what) {
    ReferenceTrainer.Result expected =
        new ReferenceTrainer(wordCounts, specials).train(vocabSize, minFrequency, maxLength);
    Merges actual = train(wordCounts, specials, minFrequency, maxLength, vocabSize);
    assertEquals(expected.merges(), texts(actual), what);
    assertEquals(expected.tokens(), actual.tokens(), what);
  }

  static Merges train(
      Map<String, Long> wordCounts,
      List<String> specials,
      long minFrequency,
      int maxLength,
      int vocabSize) {
    BpeMerger merger = new BpeMerger(words(wordCounts), specials, minFrequency, maxLength);
    return merger.merge(vocabSize, done -> {});
  }

  static WordCounts words(Map<String, Long> wordCounts) {
    WordCounts words = new WordCounts();
    wordCounts.forEach((word, count) -> {
      byte[] bytes = ByteAlphabet.decodeOrText(word);
      words.add(bytes, 0, bytes.length, count);
    });
    return words;
  }

  static List<String> texts(Merges merges) {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < merges.size(); i++) {
      texts.add(merges.text(i));
    }
    return texts;
  }
}
