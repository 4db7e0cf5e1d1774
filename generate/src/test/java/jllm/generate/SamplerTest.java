package jllm.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import jllm.format.ModelFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {

  private static MemorySegment row(float... logits) {
    return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, logits);
  }

  private static float[] logs(double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]);
    }
    return logits;
  }

  /** The ids that a step leaves, sorted. */
  private static int[] left(SamplingStep step, float... logits) {
    Candidates candidates = new Candidates(logits.length);
    candidates.fill(row(logits));
    step.apply(candidates);
    return IntStream.range(0, candidates.size()).map(candidates::id).sorted().toArray();
  }

  private static SamplingSettings settings(
      double temperature, int topK, double topP, double minP, long seed) {
    return new SamplingSettings(temperature, topK, topP, minP, 1, 64, seed);
  }

  /** The ids from the best to the worst, by sorting everything. */
  private static int[] byRank(float[] logits) {
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted(Comparator.<Integer>comparingDouble(i -> -logits[i]).thenComparing(i -> i))
        .mapToInt(i -> i)
        .toArray();
  }

  @Test
  void greedyTakesTheFirstOfTheLargest() {
    Sampler sampler = Sampler.of(SamplingSettings.greedy(), 5);
    assertEquals(1, sampler.sample(row(0, 7, -3, 7, 6.9f)));
  }

  @Test
  void greedyWorksOnNegativeAndBannedLogits() {
    assertEquals(2, Sampler.of(SamplingSettings.greedy(), 3).sample(row(-5, -4, -3)));
    assertEquals(1, Sampler.of(SamplingSettings.greedy(), 3, 2).sample(row(-5, -4, -3)));
  }

  @Test
  void topKKeepsExactlyTheBest() {
    assertArrayEquals(new int[] {1, 3}, left(new SamplingStep.TopK(2), 0, 5, 1, 4, 3));
    assertArrayEquals(new int[] {0, 1, 2}, left(new SamplingStep.TopK(9), 3, 2, 1));
  }

  @Test
  void topKBreaksTiesBySmallerId() {
    assertArrayEquals(new int[] {0, 2}, left(new SamplingStep.TopK(2), 1, 0, 1, 1, 1));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 39, 40, 128, 999, 1000})
  void topKEqualsSorting(int k) {
    long seed = 11 * k;
    SplittableRandom random = new SplittableRandom(seed);
    float[] logits = new float[1000];
    for (int i = 0; i < logits.length; i++) {
      // Few distinct values, so that cuts fall between equal ones.
      logits[i] = random.nextInt(50) / 4f;
    }
    int[] expected = Arrays.copyOf(byRank(logits), k);
    Arrays.sort(expected);
    assertArrayEquals(expected, left(new SamplingStep.TopK(k), logits), "seed " + seed);
  }

  @Test
  void topPKeepsTheFewestThatReachTheMass() {
    float[] logits = logs(0.1, 0.4, 0.2, 0.25, 0.05);
    assertArrayEquals(new int[] {1}, left(new SamplingStep.TopP(0.39), logits));
    assertArrayEquals(new int[] {1, 3}, left(new SamplingStep.TopP(0.41), logits));
    assertArrayEquals(new int[] {1, 3}, left(new SamplingStep.TopP(0.64), logits));
    assertArrayEquals(new int[] {1, 2, 3}, left(new SamplingStep.TopP(0.66), logits));
    assertArrayEquals(new int[] {0, 1, 2, 3}, left(new SamplingStep.TopP(0.94), logits));
    assertArrayEquals(new int[] {0, 1, 2, 3, 4}, left(new SamplingStep.TopP(0.96), logits));
    assertArrayEquals(new int[] {1}, left(new SamplingStep.TopP(0), logits));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.001, 0.5, 0.9, 0.95, 0.999})
  void topPEqualsSortingEvenWhenFlat(double mass) {
    long seed = 5;
    SplittableRandom random = new SplittableRandom(seed);
    float[] logits = new float[5000];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) random.nextDouble(-1, 1);
    }
    int[] rank = byRank(logits);
    double total = IntStream.of(rank).mapToDouble(i -> Math.exp(logits[i])).sum();
    double sum = 0;
    int count = 0;
    while (sum < mass * total) {
      sum += Math.exp(logits[rank[count++]]);
    }
    int[] expected = Arrays.copyOf(rank, count);
    Arrays.sort(expected);
    assertArrayEquals(expected, left(new SamplingStep.TopP(mass), logits), "seed " + seed);
  }

  @Test
  void minPKeepsWhatIsProbableEnough() {
    float[] logits = logs(0.1, 0.4, 0.2, 0.25, 0.05);
    assertArrayEquals(new int[] {1}, left(new SamplingStep.MinP(1), logits));
    assertArrayEquals(new int[] {1, 3}, left(new SamplingStep.MinP(0.51), logits));
    assertArrayEquals(new int[] {1, 2, 3}, left(new SamplingStep.MinP(0.49), logits));
    assertArrayEquals(new int[] {0, 1, 2, 3}, left(new SamplingStep.MinP(0.24), logits));
    assertArrayEquals(new int[] {0, 1, 2, 3, 4}, left(new SamplingStep.MinP(0.12), logits));
  }

  /** Top-k 4 of these leaves shares 0.4 0.3 0.15 0.1 of 0.95; top-p 0.8 the first three. */
  @Test
  void stepsFollowEachOtherOnTheProbabilitiesThatAreLeft() {
    float[] logits = logs(0.05, 0.4, 0.1, 0.3, 0.15);
    Sampler sampler = Sampler.of(settings(1, 4, 0.8, 0.5, 1), 5);
    boolean[] seen = new boolean[5];
    for (int i = 0; i < 1000; i++) {
      seen[sampler.sample(row(logits))] = true;
    }
    // Min-p 0.5 of 0.4 then drops 0.15.
    assertArrayEquals(new boolean[] {false, true, false, true, false}, seen);
  }

  @Test
  void penaltyDividesPositiveAndMultipliesNegativeLogitsOnce() {
    PenaltyStep penalty = new PenaltyStep(new Penalties(2, 0, 0, 3), 4);
    for (int token : new int[] {3, 0, 1, 1}) {
      penalty.accept(token);
    }
    for (int again = 0; again < 2; again++) {
      Candidates candidates = new Candidates(4);
      candidates.fill(row(6, -6, 6, 6));
      penalty.apply(candidates);
      // The 3 has left the window of three; the 1 is in it twice and counts once.
      float[] found = {
        candidates.logit(0), candidates.logit(1), candidates.logit(2), candidates.logit(3)
      };
      assertArrayEquals(new float[] {3, -12, 6, 6}, found);
    }
  }

  @Test
  void penaltyChangesTheGreedyChoice() {
    Sampler sampler = Sampler.of(new SamplingSettings(0, 0, 1, 0, 1.5, 2, 0), 3);
    MemorySegment logits = row(3, 2.5f, 2.2f);
    int[] chosen = new int[5];
    for (int i = 0; i < chosen.length; i++) {
      chosen[i] = sampler.sample(logits);
      sampler.accept(chosen[i]);
    }
    assertArrayEquals(new int[] {0, 1, 2, 0, 1}, chosen);
  }

  @Test
  void temperatureSharpensAndFlattens() {
    float[] logits = logs(0.6, 0.4);
    assertEquals(0.692, shareOfFirst(0.5, logits), 0.02);
    assertEquals(0.6, shareOfFirst(1, logits), 0.02);
    assertEquals(0.550, shareOfFirst(2, logits), 0.02);
    assertEquals(1, shareOfFirst(1e-300, logits));
  }

  private static double shareOfFirst(double temperature, float... logits) {
    Sampler sampler = Sampler.of(settings(temperature, 0, 1, 0, 99), logits.length);
    MemorySegment row = row(logits);
    int draws = 20_000;
    return IntStream.range(0, draws).filter(i -> sampler.sample(row) == 0).count() / (double) draws;
  }

  @Test
  void drawsFollowTheProbabilities() {
    double[] probabilities = {0.3, 0.02, 0.18, 0.25, 0.05, 0.1, 0.07, 0.03};
    Sampler sampler = Sampler.of(settings(1, 0, 1, 0, 20_240), probabilities.length);
    MemorySegment row = row(logs(probabilities));
    int draws = 100_000;
    int[] counts = new int[probabilities.length];
    for (int i = 0; i < draws; i++) {
      counts[sampler.sample(row)]++;
    }
    double chiSquare = 0;
    for (int i = 0; i < counts.length; i++) {
      double expected = draws * probabilities[i];
      chiSquare += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    // 7 degrees of freedom: 24.3 is exceeded once in a thousand seeds.
    assertTrue(chiSquare < 24.3, "chi-square " + chiSquare + " of " + Arrays.toString(counts));
  }

  @Test
  void aSeedGivesTheSameTokensAndAnotherSeedOthers() {
    assertArrayEquals(draw(42), draw(42));
    assertNotEquals(Arrays.toString(draw(42)), Arrays.toString(draw(43)));
  }

  /** Seeds that follow each other must not all begin with the same token. */
  @Test
  void neighbouringSeedsAreUnrelated() {
    long distinct = IntStream.range(0, 50).map(seed -> draw(seed)[0]).distinct().count();
    assertTrue(distinct > 20, distinct + " different first tokens of 100 for 50 seeds");
  }

  private static int[] draw(long seed) {
    Sampler sampler = Sampler.of(settings(1, 0, 1, 0, seed), 100);
    MemorySegment flat = row(new float[100]);
    return IntStream.range(0, 40).map(i -> sampler.sample(flat)).toArray();
  }

  @Test
  void bannedTokensNeverComeUp() {
    Sampler sampler = Sampler.of(settings(1, 0, 1, 0, 3), 3, 0, 2);
    for (int i = 0; i < 100; i++) {
      assertEquals(1, sampler.sample(row(50, -50, 50)));
    }
  }

  @Test
  void logitsThatAreNotNumbersAreRefused() {
    Sampler sampler = Sampler.of(SamplingSettings.greedy(), 3);
    for (float broken : List.of(Float.NaN, Float.POSITIVE_INFINITY)) {
      ModelFormatException error =
          assertThrows(ModelFormatException.class, () -> sampler.sample(row(1, broken, 2)));
      assertTrue(String.valueOf(error.getMessage()).contains("not finite"), error::toString);
    }
  }

  @Test
  void settingsOutOfRangeAreRefused() {
    List<String> messages =
        List.of(
            assertThrows(IllegalArgumentException.class, () -> settings(-1, 0, 1, 0, 0))
                .getMessage(),
            assertThrows(IllegalArgumentException.class, () -> settings(1, -1, 1, 0, 0))
                .getMessage(),
            assertThrows(IllegalArgumentException.class, () -> settings(1, 0, 1.5, 0, 0))
                .getMessage(),
            assertThrows(IllegalArgumentException.class, () -> settings(Double.NaN, 0, 1, 0, 0))
                .getMessage());
    assertEquals(
        List.of(
            "temperature is -1.0, expected 0 or more",
            "top-k is -1, expected 0 or more",
            "top-p is 1.5, expected between 0 and 1",
            "temperature is NaN, expected 0 or more"),
        messages);
  }
}
