package jllm.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Draws against the distributions that the definitions of the filters give, by chi-square. */
class SampledDistributionTest {
  private static final double[] MODEL = {0.3, 0.02, 0.18, 0.25, 0.05, 0.1, 0.07, 0.03};
  private static final int DRAWS = 60_000;

  /** Exceeded once in ten thousand seeds, by degrees of freedom 1 to 7. */
  private static final double[] LIMITS = {0, 15.1, 18.4, 21.1, 23.5, 25.7, 27.9, 29.9};

  /**
   * @param history tokens before
   * @param expected weights of the tokens; they need not sum to 1
   */
  record Case(String name, SamplingSettings settings, int[] history, double... expected) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static SamplingSettings settings(double t, int k, double p, double minP, Penalties x) {
    return new SamplingSettings(t, k, p, minP, x, Map.of(), 20_240);
  }

  private static SamplingSettings settings(double t, int k, double p, double minP) {
    return settings(t, k, p, minP, Penalties.NONE);
  }

  private static double[] power(double exponent, int... kept) {
    double[] weights = new double[MODEL.length];
    for (int token : kept) {
      weights[token] = Math.pow(MODEL[token], exponent);
    }
    return weights;
  }

  /** The model's own weights with some of them multiplied. */
  private static double[] times(double... factors) {
    return IntStream.range(0, MODEL.length).mapToDouble(i -> MODEL[i] * factors[i]).toArray();
  }

  static Stream<Case> cases() {
    int[] all = {0, 1, 2, 3, 4, 5, 6, 7};
    int[] none = {};
    int[] history = {6, 0, 3, 3, 5};
    double log = Math.log(0.25);
    Map<Integer, Float> bias = Map.of(1, 2f, 0, Float.NEGATIVE_INFINITY, 5, -1f);
    return Stream.of(
        new Case("plain", settings(1, 0, 1, 0), none, MODEL),
        new Case("temperature", settings(0.5, 0, 1, 0), none, power(2, all)),
        new Case("hot", settings(2, 0, 1, 0), none, power(0.5, all)),
        new Case("top-k", settings(1, 3, 1, 0), none, power(1, 0, 2, 3)),
        new Case("top-p", settings(1, 0, 0.8, 0), none, power(1, 0, 2, 3, 5)),
        new Case("min-p", settings(1, 0, 1, 0.2), none, power(1, 0, 2, 3, 5, 6)),
        new Case(
            "presence",
            settings(1, 0, 1, 0, new Penalties(1, 0.7, 0, 4)),
            history,
            times(Math.exp(-0.7), 1, 1, Math.exp(-0.7), 1, Math.exp(-0.7), 1, 1)),
        new Case(
            "frequency",
            settings(1, 0, 1, 0, new Penalties(1, 0, 0.4, 4)),
            history,
            times(Math.exp(-0.4), 1, 1, Math.exp(-0.8), 1, Math.exp(-0.4), 1, 1)),
        new Case(
            "repeat, once however often",
            settings(1, 0, 1, 0, new Penalties(1.5, 0, 0, 3)),
            history,
            times(1, 1, 1, Math.exp(log / 2), 1, Math.pow(0.1, 0.5), 1, 1)),
        new Case(
            "logit bias",
            new SamplingSettings(1, 0, 1, 0, Penalties.NONE, bias, 5),
            none,
            times(0, Math.exp(2), 1, 1, 1, Math.exp(-1), 1, 1)),
        // Top-k 5 leaves 0.9; 0.3 + 0.25 + 0.18 of it are more than 0.8 of it.
        new Case(
            "top-k, top-p, temperature", settings(0.7, 5, 0.8, 0), none, power(1 / 0.7, 0, 2, 3)),
        new Case("top-p, min-p", settings(1.3, 0, 0.95, 0.3), none, power(1 / 1.3, 0, 2, 3, 5)),
        new Case(
            "penalty before filters",
            settings(1, 2, 1, 0, new Penalties(1, 2, 0, 9)),
            new int[] {0, 3},
            power(1, 2, 5)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void drawsFollowTheDefinition(Case given) {
    Sampler sampler = Sampler.of(given.settings, MODEL.length);
    for (int token : given.history) {
      sampler.accept(token);
    }
    MemorySegment row = row(MODEL);
    int[] counts = new int[MODEL.length];
    for (int i = 0; i < DRAWS; i++) {
      counts[sampler.sample(row)]++;
    }
    double total = Arrays.stream(given.expected).sum();
    double chiSquare = 0;
    int possible = 0;
    for (int i = 0; i < counts.length; i++) {
      double expected = DRAWS * given.expected[i] / total;
      if (expected == 0) {
        assertEquals(0, counts[i], "token " + i);
      } else {
        chiSquare += (counts[i] - expected) * (counts[i] - expected) / expected;
        possible++;
      }
    }
    String found = "chi-square " + chiSquare + " of " + Arrays.toString(counts);
    assertTrue(chiSquare < LIMITS[possible - 1], found + ", seed " + given.settings.seed());
  }

  /** A choice says what the filters made of the best tokens, and chooses as without. */
  @Test
  void aChoiceTellsOfSharesAndOfWhatWasDropped() {
    SamplingSettings settings = settings(0.5, 5, 0.8, 0);
    Sampler sampler = Sampler.of(settings, MODEL.length);
    Sampler twin = Sampler.of(settings, MODEL.length);
    MemorySegment row = row(MODEL);
    for (int i = 0; i < 50; i++) {
      Choice choice = sampler.choose(row, 6);
      assertEquals(twin.sample(row), choice.token());
      assertEquals(Math.log(MODEL[choice.token()]), choice.logProbability(), 1e-6);
      int[] best = choice.best().stream().mapToInt(Choice.Alternative::token).toArray();
      assertEquals("[0, 3, 2, 5, 6, 4]", Arrays.toString(best));
      double squares = 0.3 * 0.3 + 0.25 * 0.25 + 0.18 * 0.18;
      assertEquals(0.25 * 0.25 / squares, choice.best().get(1).share(), 1e-6);
      assertNull(choice.best().get(2).droppedBy());
      assertEquals("top-p 0.8", choice.best().get(3).droppedBy());
      assertEquals("top-k 5", choice.best().get(5).droppedBy());
      assertEquals(0, choice.best().get(5).share());
      assertEquals(Math.log(0.05), choice.best().get(5).logProbability(), 1e-6);
    }
  }

  @Test
  void aGreedyChoiceIsCertain() {
    Choice choice = Sampler.of(SamplingSettings.greedy(), MODEL.length).choose(row(MODEL), 2);
    assertEquals(0, choice.token());
    assertEquals(1, choice.best().get(0).share());
    assertEquals("greedy", choice.best().get(1).droppedBy());
  }

  private static MemorySegment row(double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]);
    }
    return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, logits);
  }
}
