package jllm.tokenize.read;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SerdeNumberTest {

  @Test
  void shortNumbersAreExact() {
    for (String s :
        new String[] {"0", "-1", "1.5", "-10.25", "1e3", "1E-2", "-2.5e+1", "0.0", "123"}) {
      assertEquals(Double.parseDouble(s), SerdeNumber.parse(s), s);
    }
  }

  @Test
  void longOnesAreOffByTheLastBitsAtMost() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 10_000; i++) {
      double d = -random.nextDouble() * 20;
      assertEquals(d, SerdeNumber.parse(Double.toString(d)), 2 * Math.ulp(d));
    }
  }

  @Test
  void digitsThatDoNotFitAreDropped() {
    assertEquals(1.8446744073709552e19, SerdeNumber.parse("18446744073709551615"));
    assertEquals(1.2345678901234567e24, SerdeNumber.parse("1234567890123456789012345"), 1e9);
    assertEquals(0.12345678901234568, SerdeNumber.parse("0.1234567890123456789012345"), 1e-16);
    assertEquals(0, SerdeNumber.parse("1e-400"), 1e-300);
  }
}
