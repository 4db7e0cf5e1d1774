package jllm.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import jllm.generate.BeamSearch.Hypothesis;
import jllm.generate.BeamSettings.Stopping;
import jllm.model.CacheTypes;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BeamSearchTest {
  private static final int[] PROMPT = {1, 3, 2};
  private static final int END = 4;
  private static final CacheTypes F32 = CacheTypes.of(DType.F32);

  /** All texts of the tiny model that end, or have the full length, from the best to the worst. */
  private static List<Hypothesis> exhaustive(
      TinyModel tiny, int vocabulary, int limit, double penalty) {
    List<Hypothesis> all = new ArrayList<>();
    try (Session session = new Session(tiny.model, tiny.backend, TinyModel.CONTEXT)) {
      extend(session, new int[0], 0, vocabulary, limit, penalty, all);
    }
    all.sort(Comparator.comparingDouble(hypothesis -> -hypothesis.score()));
    return all;
  }

  private static void extend(
      Session session,
      int[] tokens,
      double sum,
      int vocabulary,
      int limit,
      double penalty,
      List<Hypothesis> all) {
    int[] text = Arrays.copyOf(PROMPT, PROMPT.length + tokens.length);
    System.arraycopy(tokens, 0, text, PROMPT.length, tokens.length);
    session.rewind(0);
    Tensor row = session.feed(text, 0, () -> false);
    float[] logits = row.segment().toArray(ValueLayout.JAVA_FLOAT);
    double total = 0;
    for (float logit : logits) {
      total += Math.exp(logit);
    }
    for (int token = 0; token < vocabulary; token++) {
      int[] longer = Arrays.copyOf(tokens, tokens.length + 1);
      longer[tokens.length] = token;
      double longerSum = sum + logits[token] - Math.log(total);
      if (token == END || longer.length == limit) {
        double score = longerSum / Math.pow(longer.length, penalty);
        all.add(new Hypothesis(longer, longerSum, score, token == END));
      } else {
        extend(session, longer, longerSum, vocabulary, limit, penalty, all);
      }
    }
  }

  /** With a beam for every text there is, nothing can be missed. */
  @ParameterizedTest
  @CsvSource({"1, 1", "2, 0", "3, 2", "4, -1"})
  void equalsExhaustiveSearchWithEnoughBeams(long seed, double penalty) {
    int vocabulary = 5;
    int limit = 3;
    int returned = 20;
    try (TinyModel tiny = new TinyModel(vocabulary, seed)) {
      List<Hypothesis> expected = exhaustive(tiny, vocabulary, limit, penalty);
      BeamSettings settings = new BeamSettings(125, penalty, returned, Stopping.NEVER);
      try (BeamSearch search =
          new BeamSearch(tiny.model, tiny.backend, TinyModel.CONTEXT, F32, settings)) {
        // Twice: caches of the first search must not matter.
        search.search(new int[] {2, 2, 2, 0}, limit, token -> token == END);
        List<Hypothesis> found = search.search(PROMPT, limit, token -> token == END);
        assertEquals(returned, found.size());
        for (int i = 0; i < returned; i++) {
          String place = "seed " + seed + ", place " + i;
          assertArrayEquals(expected.get(i).tokens(), found.get(i).tokens(), place);
          assertEquals(expected.get(i).score(), found.get(i).score(), 1e-4, place);
          assertEquals(expected.get(i).finished(), found.get(i).finished(), place);
        }
      }
    }
  }

  /** Few beams: the same as a search that computes each text anew. */
  @ParameterizedTest
  @CsvSource({"1, 2", "2, 3", "3, 4", "4, 5"})
  void reorderedCachesAreThoseOfTheirTexts(long seed, int beams) {
    int length = 8;
    try (TinyModel tiny = new TinyModel(11, seed);
        Session session = new Session(tiny.model, tiny.backend, TinyModel.CONTEXT);
        BeamSearch search =
            new BeamSearch(
                tiny.model,
                tiny.backend,
                TinyModel.CONTEXT,
                F32,
                new BeamSettings(beams, 1, beams, Stopping.HEURISTIC))) {
      for (Hypothesis found : search.search(PROMPT, length, _ -> false)) {
        assertEquals(length, found.tokens().length);
        double sum = 0;
        session.rewind(0);
        Tensor row = session.feed(PROMPT, 0, () -> false);
        for (int token : found.tokens()) {
          Candidates candidates = new Candidates(11);
          candidates.fill(row.segment());
          sum += candidates.logit(token) - candidates.logTotal();
          row = session.feed(token);
        }
        assertEquals(sum, found.logProbability(), 1e-4, "seed " + seed);
      }
    }
  }

  @Test
  void oneBeamIsGreedy() {
    try (TinyModel tiny = new TinyModel(11, 7);
        Session session = new Session(tiny.model, tiny.backend, TinyModel.CONTEXT);
        BeamSearch search =
            new BeamSearch(
                tiny.model,
                tiny.backend,
                TinyModel.CONTEXT,
                F32,
                new BeamSettings(1, 1, 1, Stopping.EARLY))) {
      Sampler greedy = Sampler.of(SamplingSettings.greedy(), 11);
      int[] expected = new int[9];
      Tensor row = session.feed(PROMPT, 0, () -> false);
      for (int i = 0; i < expected.length; i++) {
        expected[i] = greedy.sample(row.segment());
        row = session.feed(expected[i]);
      }
      assertArrayEquals(expected, search.search(PROMPT, 9, _ -> false).getFirst().tokens());
    }
  }

  /** Stopping early finds nothing better than stopping never. */
  @Test
  void endingLaterIsNeverWorse() {
    for (long seed = 0; seed < 5; seed++) {
      try (TinyModel tiny = new TinyModel(11, seed)) {
        double before = Double.NEGATIVE_INFINITY;
        for (Stopping stopping : List.of(Stopping.EARLY, Stopping.NEVER)) {
          try (BeamSearch search =
              new BeamSearch(
                  tiny.model,
                  tiny.backend,
                  TinyModel.CONTEXT,
                  F32,
                  new BeamSettings(3, 1, 3, stopping))) {
            double best = search.search(PROMPT, 10, token -> token == END).getFirst().score();
            assertTrue(best >= before - 1e-9, "seed " + seed + ": " + best + " after " + before);
            before = best;
          }
        }
      }
    }
  }
}
