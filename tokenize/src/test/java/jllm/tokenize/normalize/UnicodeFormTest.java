package jllm.tokenize.normalize;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.text.Normalizer.Form;
import java.util.Random;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Workspace;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The forms of UAX 15 as the JDK computes them. */
class UnicodeFormTest {

  private static String normalize(Form form, String text) {
    byte[] utf8 = text.getBytes(UTF_8);
    Workspace workspace = new Workspace();
    workspace.wrap(utf8, 0, utf8.length);
    new UnicodeForm(form).normalize(workspace);
    TextBuffer out = workspace.text();
    return new String(out.bytes(), out.start(), out.end() - out.start(), UTF_8);
  }

  @Test
  void aMarkComposesWithAPlainLetterBeforeIt() {
    assertEquals("\u00e9", normalize(Form.NFC, "e\u0301"));
    assertEquals("caf\u00e9 (\u00e9", normalize(Form.NFC, "cafe\u0301 (e\u0301"));
    assertEquals("\u00e9", normalize(Form.NFKC, "e\u0301"));
    assertEquals("\u2260", normalize(Form.NFC, "=\u0338"));
    assertEquals("\u00a0\u1ecb\u0302", normalize(Form.NFC, "\u00a0i\u0302\u0323"));
  }

  @ParameterizedTest
  @EnumSource(Form.class)
  void randomTextsEqualTheJdk(Form form) {
    long seed = 11;
    Random random = new Random(seed);
    int[] pieces = {
      'e', 'i', '=', 'a', ' ', '(', 0xa0, 0xb2, 0xe9, 0x301, 0x302, 0x323, 0x338, 0x3042, 0x3099,
      0x1100, 0x1161, 0x11a8, 0xac00, 0x958, 0x93c, 0x212b, 0x37e, 0xfb01, 0x1e9b, 0x1f600, 0xf71,
      0xf72, 0x1d15e
    };
    for (int round = 0; round < 20_000; round++) {
      StringBuilder text = new StringBuilder();
      int n = 1 + random.nextInt(7);
      for (int i = 0; i < n; i++) {
        text.appendCodePoint(pieces[random.nextInt(pieces.length)]);
      }
      String message = form + ", seed " + seed + ", round " + round;
      assertEquals(
          java.text.Normalizer.normalize(text, form), normalize(form, text.toString()), message);
    }
  }
}
