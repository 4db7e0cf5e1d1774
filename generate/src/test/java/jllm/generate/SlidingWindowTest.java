package jllm.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import jllm.generate.BeamSearch.Hypothesis;
import jllm.model.Batch;
import jllm.model.CacheTypes;
import jllm.model.KvCache;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Layers that see a window keep no more than it reaches, and nobody can tell from the logits. */
class SlidingWindowTest {
  private static final int VOCABULARY = 17;
  private static final int STEP = 4;
  private static final int WINDOW = 5;
  private static final byte[] PRINT = new byte[32];
  private static final CacheTypes F32 = CacheTypes.of(DType.F32);

  private static TinyModel model(int window, int period) {
    return TinyModel.sliding(VOCABULARY, window, period, 7);
  }

  private static Session session(TinyModel tiny, int context, CacheTypes types) {
    return new Session(tiny.model, tiny.backend, context, types, STEP);
  }

  private static Session session(TinyModel tiny) {
    return session(tiny, TinyModel.CONTEXT, F32);
  }

  private static int[] text(int length) {
    return new Random(3).ints(length, 0, VOCABULARY).toArray();
  }

  private static float[] floats(Tensor logits) {
    return logits.segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static float[] feed(Session session, int[] text, int from) {
    return floats(session.feed(text, from, () -> false));
  }

  /** The logits after each token, with a cache that keeps everything. */
  private static float[][] reference(TinyModel tiny, int[] text, CacheTypes types) {
    float[][] logits = new float[text.length][];
    try (KvCache all = tiny.model.newCache(text.length, types, text.length);
        Batch batch = Batch.continuing(all, 1);
        Exec exec = new Exec(tiny.backend)) {
      for (int i = 0; i < text.length; i++) {
        exec.reset();
        Tensor hidden = tiny.model.hidden(exec, batch.fill(text, i, 1, 1));
        all.advance(1);
        logits[i] = floats(tiny.model.logits(exec, hidden));
      }
    }
    return logits;
  }

  @ParameterizedTest
  @CsvSource({"5, 0, F32", "5, 2, F32", "1, 0, F32", "20, 3, F32", "5, 2, F16", "200, 0, F32"})
  void logitsAreThoseOfACacheThatKeepsAll(int window, int period, DType type) {
    CacheTypes types = CacheTypes.of(type);
    int[] text = text(TinyModel.CONTEXT);
    try (TinyModel tiny = model(window, period);
        Session session = session(tiny, TinyModel.CONTEXT, types)) {
      float[][] expected = reference(tiny, text, types);
      // A prompt in steps of four, then single tokens, far beyond the window.
      int prompt = 30;
      assertArrayEquals(
          expected[prompt - 1], feed(session, Arrays.copyOf(text, prompt), 0), 1e-6f, "prompt");
      for (int i = prompt; i < text.length; i++) {
        assertArrayEquals(expected[i], floats(session.feed(text[i])), 1e-6f, "token " + i);
      }
    }
  }

  @Test
  void memoryIsThatOfTheWindowAndAStep() {
    try (TinyModel tiny = model(WINDOW, 3);
        Session session = session(tiny)) {
      KvCache cache = session.cache();
      assertEquals(WINDOW - 1 + STEP, cache.keys(0).rows());
      assertEquals(WINDOW - 1 + STEP, cache.values(1).rows());
      assertEquals(TinyModel.CONTEXT, cache.keys(2).rows());
      long rowBytes = 2 * DType.F32.bytes(cache.keys(0).columns());
      int large = 100_000;
      assertEquals(
          (2L * (WINDOW - 1 + KvCache.STEP_ROWS) + large) * rowBytes,
          KvCache.bytes(tiny.model.config(), large, F32));
      assertThrows(IllegalArgumentException.class, () -> Batch.continuing(cache, STEP + 1));
    }
  }

  /** To go on at each earlier place gives what a fresh session gives, kept or computed again. */
  @Test
  void anyBeginningCanBeUsedAgain() {
    int[] text = text(40);
    try (TinyModel tiny = model(WINDOW, 2);
        Session session = session(tiny)) {
      int kept = 0;
      for (int at = 39; at >= 1; at--) {
        session.rewind(0);
        feed(session, text, 0);
        int[] other = Arrays.copyOf(text, at + 1);
        other[at] = (other[at] + 1) % VOCABULARY;
        int reused = session.reuse(other);
        assertTrue(reused == at || reused == 0, "at " + at + ": " + reused);
        kept += reused > 0 ? 1 : 0;
        float[] expected = reference(tiny, other, F32)[at];
        assertArrayEquals(expected, feed(session, other, reused), 1e-6f, "at " + at);
        assertArrayEquals(other, session.tokens());
      }
      assertTrue(kept > 0 && kept < 10, kept + " places could be gone back to");
    }
  }

  @Test
  void aShiftIsTheShorterText() {
    int[] text = text(30);
    try (TinyModel tiny = model(WINDOW, 2);
        Session session = session(tiny, 30, F32)) {
      feed(session, text, 0);
      session.shift(6);
      int[] left = session.tokens();
      assertEquals(18, left.length);
      assertArrayEquals(Arrays.copyOf(text, 6), Arrays.copyOf(left, 6));
      int[] longer = Arrays.copyOf(left, 19);
      assertArrayEquals(reference(tiny, longer, F32)[18], floats(session.feed(0)), 1e-6f);
    }
  }

  @Test
  void aSavedSessionGoesOnToTheBit() throws IOException {
    int[] text = text(40);
    try (TinyModel tiny = model(WINDOW, 2);
        Session session = session(tiny);
        Session larger = new Session(tiny.model, tiny.backend, 50)) {
      feed(session, text, 0);
      byte[] file = saved(session);
      try (Session loaded = session(tiny)) {
        assertEquals(40, load(loaded, file));
        assertArrayEquals(floats(session.feed(1)), floats(loaded.feed(1)));
      }
      // Steps of another size: other rows are kept, those that are needed are there.
      assertEquals(40, load(larger, file));
      assertArrayEquals(reference(tiny, with(text, 1), F32)[40], floats(larger.feed(1)), 1e-6f);
      assertEquals(41, load(session, saved(larger)));
      assertArrayEquals(floats(larger.feed(2)), floats(session.feed(2)), 1e-6f);
    }
  }

  @Test
  void aSmallerContextThatWouldNeedWhatIsGoneBeginsAnew() throws IOException {
    int[] text = text(40);
    try (TinyModel tiny = model(WINDOW, 2);
        Session session = session(tiny);
        Session smaller = session(tiny, 20, F32)) {
      feed(session, text, 0);
      assertEquals(0, load(smaller, saved(session)));
      int[] beginning = Arrays.copyOf(text, 20);
      assertArrayEquals(reference(tiny, beginning, F32)[19], feed(smaller, beginning, 0), 1e-6f);
    }
  }

  private static byte[] saved(Session session) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PromptCache.save(session, PRINT, out);
    return out.toByteArray();
  }

  private static int load(Session session, byte[] file) throws IOException {
    return PromptCache.load(session, PRINT, new ByteArrayInputStream(file), "file");
  }

  private static int[] with(int[] text, int token) {
    int[] longer = Arrays.copyOf(text, text.length + 1);
    longer[text.length] = token;
    return longer;
  }

  @Test
  void textsSideBySideAndCopiesAreWhatTheyAreAlone() {
    int[] one = text(33);
    int[] other = text(12);
    try (TinyModel tiny = model(WINDOW, 2);
        SequenceGroup group =
            new SequenceGroup(tiny.model, tiny.backend, 3, TinyModel.CONTEXT, F32, STEP)) {
      group.begin(0, one);
      group.begin(1, other);
      for (int round = 0; round < 6; round++) {
        Tensor logits = group.step(new int[] {0, 1}, new int[] {round, round + 1});
        one = with(one, round);
        other = with(other, round + 1);
        assertArrayEquals(last(tiny, one), floats(logits.slice(0, 1)), 1e-6f);
        assertArrayEquals(last(tiny, other), floats(logits.slice(1, 1)), 1e-6f);
      }
      group.copy(0, 2, 0);
      Tensor copied = group.step(new int[] {2, 0}, new int[] {5, 6});
      assertArrayEquals(last(tiny, with(one, 5)), floats(copied.slice(0, 1)), 1e-6f);
      // What both have in common is long gone from the window.
      group.copy(0, 2, 33);
      copied = group.step(new int[] {2}, new int[] {7});
      assertArrayEquals(last(tiny, with(with(one, 6), 7)), floats(copied), 1e-6f);
    }
  }

  private static float[] last(TinyModel tiny, int[] text) {
    return reference(tiny, text, F32)[text.length - 1];
  }

  /** Each beam's probability is that of its text, beyond the window, too. */
  @Test
  void beamsHaveTheProbabilitiesOfTheirTexts() {
    int[] prompt = text(20);
    try (TinyModel tiny = model(WINDOW, 2);
        BeamSearch search =
            new BeamSearch(
                tiny.model,
                new BeamSettings(4, 1, 4, BeamSettings.Stopping.HEURISTIC),
                new SequenceGroup(tiny.model, tiny.backend, 4, TinyModel.CONTEXT, F32, STEP))) {
      List<Hypothesis> found = search.search(prompt, 15, _ -> false);
      assertEquals(4, found.size());
      for (Hypothesis hypothesis : found) {
        int[] text = Arrays.copyOf(prompt, prompt.length + hypothesis.tokens().length);
        System.arraycopy(hypothesis.tokens(), 0, text, prompt.length, hypothesis.tokens().length);
        float[][] logits = reference(tiny, text, F32);
        double sum = 0;
        for (int i = prompt.length; i < text.length; i++) {
          double total = 0;
          for (float logit : logits[i - 1]) {
            total += Math.exp(logit);
          }
          sum += logits[i - 1][text[i]] - Math.log(total);
        }
        assertEquals(sum, hypothesis.logProbability(), 1e-4);
      }
    }
  }
}
