package jllm.generate.perplexity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScoredWindowTest {
  @Test
  void theSecondHalfOfEachChunkCounts() {
    List<ScoredWindow> windows = ScoredWindow.chunks(19, 8);
    assertEquals(
        List.of(new ScoredWindow(0, 5, 8, true), new ScoredWindow(8, 13, 16, true)), windows);
    assertEquals(List.of(new ScoredWindow(0, 2, 3, true)), ScoredWindow.chunks(3, 3));
  }

  @ParameterizedTest
  @CsvSource({"1000,64,16", "1000,64,63", "65,64,1", "10,64,5", "2,2,1", "7,3,2"})
  void eachTokenCountsOnceWithWhatTheStrideLeavesBeforeIt(int length, int context, int stride) {
    int[] counted = new int[length];
    for (ScoredWindow window : ScoredWindow.strided(length, context, stride)) {
      assertTrue(window.end() - window.begin() <= context);
      for (int token = window.firstScored(); token < window.end(); token++) {
        counted[token]++;
        assertTrue(token - window.begin() >= Math.min(token, context - stride), window.toString());
      }
    }
    assertEquals(0, counted[0]);
    assertTrue(Arrays.stream(counted).skip(1).allMatch(times -> times == 1));
  }

  @Test
  void aStrideOfTheContextLosesTheFirstTokenOfEachWindow() {
    assertEquals(
        List.of(new ScoredWindow(0, 1, 4, false), new ScoredWindow(4, 5, 8, false)),
        ScoredWindow.strided(9, 4, 4));
  }

  @Test
  void whatCannotBeMeasuredIsRefused() {
    assertThrows(EvaluationException.class, () -> ScoredWindow.chunks(7, 8));
    assertThrows(EvaluationException.class, () -> ScoredWindow.chunks(7, 2));
    assertThrows(EvaluationException.class, () -> ScoredWindow.strided(1, 8, 4));
    assertThrows(EvaluationException.class, () -> ScoredWindow.strided(9, 1, 1));
    assertThrows(EvaluationException.class, () -> ScoredWindow.strided(9, 4, 5));
  }
}
