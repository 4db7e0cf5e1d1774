package jllm.tokenize.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import jllm.tokenize.corpus.Batch;
import org.junit.jupiter.api.Test;

class TextSampleTest {

  private static Batch batch(String... texts) {
    byte[] all = String.join("", texts).getBytes(UTF_8);
    int[] ends = new int[texts.length];
    boolean[] lasts = new boolean[texts.length];
    int end = 0;
    for (int i = 0; i < texts.length; i++) {
      end += texts[i].getBytes(UTF_8).length;
      ends[i] = end;
    }
    return new Batch(all, ends, lasts, texts.length, end);
  }

  private static String joined(TextSample sample) {
    StringBuilder text = new StringBuilder();
    sample.texts().forEach(piece -> text.append(new String(piece, UTF_8)));
    return text.toString();
  }

  @Test
  void aSmallCorpusIsTakenWhole() {
    long seed = 3;
    Random random = new Random(seed);
    TextSample sample = new TextSample();
    StringBuilder expected = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      String a = "\u4e2d\u6587 word\ud83d\ude00".repeat(random.nextInt(40));
      String b = "x".repeat(random.nextInt(3));
      sample.offer(batch(a, b));
      expected.append(a).append(b);
    }
    assertEquals(expected.toString(), joined(sample), "seed " + seed);
  }

  @Test
  void ofALargeOneItIsAtMostTwoMebibytesFromAllParts() {
    TextSample sample = new TextSample();
    StringBuilder lines = new StringBuilder();
    int number = 0;
    for (int i = 0; i < 400; i++) {
      lines.setLength(0);
      while (lines.length() < 40_000) {
        lines.append(number++).append(" \u00e9t\u00e9, ");
      }
      sample.offer(batch(lines.toString()));
    }
    String text = joined(sample);
    int bytes = text.getBytes(UTF_8).length;
    assertTrue(bytes > 900_000 && bytes <= 1 << 21, bytes + " bytes");
    assertTrue(text.startsWith("0 \u00e9t\u00e9, 1 "), text.substring(0, 20));
    int tenths = 0;
    for (int tenth = 0; tenth < 10; tenth++) {
      int from = number / 10 * tenth;
      for (int n = from; n < from + number / 10; n++) {
        if (text.contains(" " + n + " \u00e9t\u00e9, ")) {
          tenths++;
          break;
        }
      }
    }
    assertEquals(10, tenths);
    assertTrue(text.indexOf('\ufffd') < 0);
  }
}
