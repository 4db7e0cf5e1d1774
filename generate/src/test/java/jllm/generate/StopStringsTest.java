package jllm.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StopStringsTest {

  @Test
  void textPassesAtOnceWhenNothingCanStopIt() {
    StopStrings stops = new StopStrings(List.of());
    assertEquals("Hello", stops.push("Hello"));
    assertEquals("", stops.rest());
    assertFalse(stops.found());
  }

  @Test
  void aStopStringAcrossPiecesIsNeverPrinted() {
    StopStrings stops = new StopStrings(List.of("\nUser:"));
    assertEquals("Hi.", stops.push("Hi.\n"));
    assertEquals("", stops.push("Us"));
    assertEquals("", stops.push("er"));
    assertEquals("", stops.push(": bye"));
    assertTrue(stops.found());
    assertEquals("", stops.rest());
    assertEquals("", stops.push("more"));
  }

  @Test
  void whatOnlyLookedLikeAStopStringPassesLater() {
    StopStrings stops = new StopStrings(List.of("aab"));
    assertEquals("x", stops.push("xa"));
    assertEquals("", stops.push("a"));
    assertEquals("a", stops.push("a"));
    assertEquals("aac", stops.push("c"));
    assertEquals("", stops.push("aa"));
    assertEquals("aa", stops.rest());
    assertFalse(stops.found());
  }

  @Test
  void aStopStringInsideOnePieceCutsIt() {
    StopStrings stops = new StopStrings(List.of("</s>", "END"));
    assertEquals("one ", stops.push("one END two </s>"));
    assertTrue(stops.found());
  }

  @Test
  void theFirstToBeCompleteWinsAndThenTheLongest() {
    assertEquals("a", new StopStrings(List.of("abcd", "bc")).push("abcd"));
    assertEquals("", new StopStrings(List.of("bc", "abc")).push("abc"));
  }

  @Test
  void anEmptyStopStringIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new StopStrings(List.of("x", "")));
  }

  /**
   * However a text is cut into pieces, the same part of it passes; compared with a search in the
   * whole text.
   */
  @Test
  void theResultDoesNotDependOnThePieces() {
    long seed = 7;
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 2000; round++) {
      List<String> stop =
          List.of(word(random, 1 + random.nextInt(4)), word(random, 2 + random.nextInt(4)));
      String text = word(random, random.nextInt(12));
      String expected = text;
      boolean found = false;
      for (int end = 1; end <= text.length() && !found; end++) {
        for (String candidate : stop) {
          if (text.startsWith(candidate, end - candidate.length())) {
            int start = end - candidate.length();
            expected = found && expected.length() <= start ? expected : text.substring(0, start);
            found = true;
          }
        }
      }
      StopStrings stops = new StopStrings(stop);
      StringBuilder passed = new StringBuilder();
      int from = 0;
      while (from < text.length()) {
        int to = Math.min(text.length(), from + 1 + random.nextInt(4));
        passed.append(stops.push(text.substring(from, to)));
        from = to;
      }
      passed.append(stops.rest());
      String about = "seed " + seed + ", round " + round + ": " + stop + " in " + text;
      assertEquals(expected, passed.toString(), about);
      assertEquals(found, stops.found(), about);
    }
  }

  private static String word(SplittableRandom random, int length) {
    StringBuilder word = new StringBuilder();
    for (int i = 0; i < length; i++) {
      word.append("ab".charAt(random.nextInt(2)));
    }
    return word.toString();
  }
}
