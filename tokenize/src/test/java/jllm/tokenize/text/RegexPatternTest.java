package jllm.tokenize.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Oniguruma's dialect on the JDK's engine. */
class RegexPatternTest {

  private static String replaced(String expression, String text) {
    return new RegexPattern(expression).replaceAll(text, "_");
  }

  @Test
  void intervalsBeforePlusRepeat() {
    assertEquals("_", replaced("[0-9]{1,3}+", "1234567"));
    assertEquals("_7", replaced("(?:\\d{2})+", "1234567"));
    assertEquals("__", replaced("a{,2}", "aa" + "aa"));
    assertEquals("_b", replaced("a{x", "a{xb"));
  }

  @Test
  void nothingIsMatchedBetweenCharactersOnly() {
    assertEquals("_a_\ud83d\ude00_", replaced("", "a\ud83d\ude00"));
    assertEquals("", replaced("x*", ""));
    assertEquals("_a_", replaced("x*", "axx"));
  }

  @Test
  void linesAndOptions() {
    assertEquals("_\n_", replaced(".+", "a\rb\nc"));
    assertEquals("_", replaced("(?m:.+)", "a\nb"));
    assertEquals("_a_", replaced("(?i)k", "KaK"));
    assertEquals("_a_", replaced("a(?#none){0}k", "kak"));
    assertEquals("\ud800\udc00_", replaced("(?<=\\p{L})b", "\ud800\udc00b"));
  }

  @Test
  void aGroupIsRepeatedAsOftenAsTheTextIsLong() {
    assertEquals("_", replaced("(?:a|b)+", "ab".repeat(500_000)));
  }

  @Test
  void whatTheEngineDoesNotKnowIsRefused() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new RegexPattern("\\g<1>(a)"));
    assertTrue(String.valueOf(e.getMessage()).contains("\\g<1>(a)"));
  }
}
