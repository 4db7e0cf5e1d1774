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
import jllm.format.ModelFormatException;
import jllm.model.CacheTypes;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SessionTest {
  private static final int[] TEXT = {1, 5, 3, 9, 2, 7, 7, 4, 8, 0};
  private static final byte[] PRINT = new byte[32];

  private static float[] feed(Session session, int[] text, int from) {
    return floats(session.feed(text, from, () -> false));
  }

  private static float[] floats(Tensor logits) {
    return logits.segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static Session session(TinyModel tiny) {
    return new Session(tiny.model, tiny.backend, 16);
  }

  @Test
  void aCommonBeginningIsNotComputedAgain() {
    try (TinyModel tiny = new TinyModel(11, 1);
        Session session = session(tiny);
        Session fresh = session(tiny)) {
      feed(session, TEXT, 0);
      int[] other = {1, 5, 3, 6, 6};
      assertEquals(3, session.reuse(other));
      assertArrayEquals(feed(fresh, other, 0), feed(session, other, 3), 1e-5f);
      assertArrayEquals(other, session.tokens());
      // The last token is always run again.
      assertEquals(4, session.reuse(other));
    }
  }

  /** A full context goes on as if its middle had never been there. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16"})
  void aShiftIsTheShorterText(DType type) {
    try (TinyModel tiny = new TinyModel(11, 2);
        Session session = new Session(tiny.model, tiny.backend, 10, CacheTypes.of(type));
        Session fresh = new Session(tiny.model, tiny.backend, 10, CacheTypes.of(type))) {
      feed(session, TEXT, 0);
      session.shift(2);
      int[] left = {1, 5, 7, 4, 8, 0};
      assertArrayEquals(left, session.tokens());
      feed(fresh, left, 0);
      assertArrayEquals(floats(fresh.feed(3)), floats(session.feed(3)), 1e-6f);
    }
  }

  @Test
  void aShiftAlwaysMakesRoom() {
    try (TinyModel tiny = new TinyModel(11, 2);
        Session session = new Session(tiny.model, tiny.backend, 10)) {
      for (int keep : new int[] {0, 8, 9, 1000}) {
        session.rewind(0);
        feed(session, TEXT, 0);
        session.shift(keep);
        assertTrue(session.length() < 10, "kept " + keep + ": " + session.length());
        session.feed(1);
      }
    }
  }

  @Test
  void aCacheOfFewerBitsIsNearAndSmaller() {
    try (TinyModel tiny = new TinyModel(11, 3);
        Session exact = session(tiny);
        Session half =
            new Session(tiny.model, tiny.backend, 16, new CacheTypes(DType.F16, DType.F32))) {
      float[] expected = feed(exact, TEXT, 0);
      float[] found = feed(half, TEXT, 0);
      assertArrayEquals(expected, found, 1e-2f);
      assertTrue(!Arrays.equals(expected, found));
    }
  }

  /** Heads of 8 components are no blocks of 32. */
  @Test
  void aCacheWhoseBlocksDoNotFitIsRefused() {
    try (TinyModel tiny = new TinyModel(11, 3)) {
      IllegalArgumentException error =
          assertThrows(
              IllegalArgumentException.class,
              () -> new Session(tiny.model, tiny.backend, 16, CacheTypes.of(DType.Q8_0)));
      assertTrue(String.valueOf(error.getMessage()).contains("blocks of 32"), error::toString);
    }
  }

  @Test
  void aSavedSessionGoesOnToTheBit() throws IOException {
    try (TinyModel tiny = new TinyModel(11, 4);
        Session session = session(tiny);
        Session loaded = session(tiny)) {
      feed(session, TEXT, 0);
      feed(loaded, new int[] {9, 9}, 0);
      assertEquals(10, PromptCache.load(loaded, PRINT, saved(session), "file"));
      assertArrayEquals(TEXT, loaded.tokens());
      assertArrayEquals(floats(session.feed(6)), floats(loaded.feed(6)));
    }
  }

  private static ByteArrayInputStream saved(Session session) throws IOException {
    return new ByteArrayInputStream(bytes(session));
  }

  private static byte[] bytes(Session session) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PromptCache.save(session, PRINT, out);
    return out.toByteArray();
  }

  @Test
  void aSmallerContextTakesWhatItHasRoomFor() throws IOException {
    try (TinyModel tiny = new TinyModel(11, 4);
        Session session = session(tiny);
        Session small = new Session(tiny.model, tiny.backend, 6)) {
      feed(session, TEXT, 0);
      assertEquals(6, PromptCache.load(small, PRINT, saved(session), "file"));
      small.rewind(5);
      session.rewind(5);
      assertArrayEquals(floats(session.feed(6)), floats(small.feed(6)));
    }
  }

  @Test
  void filesOfOthersAndDamagedFilesAreRefused() throws IOException {
    try (TinyModel tiny = new TinyModel(11, 5);
        Session session = session(tiny);
        Session half =
            new Session(tiny.model, tiny.backend, 16, new CacheTypes(DType.F16, DType.F16))) {
      feed(session, TEXT, 0);
      byte[] good = bytes(session);
      byte[] otherModel = new byte[32];
      otherModel[5] = 1;
      refused(session, otherModel, good, "another model");
      refused(half, PRINT, good, "keys F32");
      refused(session, PRINT, Arrays.copyOf(good, good.length - 30), "too early");
      refused(session, PRINT, new byte[0], "no prompt cache");
      for (int at : new int[] {100, good.length / 2, good.length - 1}) {
        byte[] changed = good.clone();
        changed[at] ^= 64;
        refused(session, PRINT, changed, "");
      }
    }
  }

  private static void refused(Session session, byte[] print, byte[] file, String message) {
    ModelFormatException error =
        assertThrows(
            ModelFormatException.class,
            () -> PromptCache.load(session, print, new ByteArrayInputStream(file), "some-file"));
    assertTrue(String.valueOf(error.getMessage()).startsWith("some-file: "), error::toString);
    assertTrue(String.valueOf(error.getMessage()).contains(message), error::toString);
    assertEquals(0, session.length());
  }
}
