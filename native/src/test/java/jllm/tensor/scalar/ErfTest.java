package jllm.tensor.scalar;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErfTest {
  /** Values of C's erfc. */
  @ParameterizedTest
  @CsvSource({
    "0.1, 0.8875370839817152, 1.1124629160182848",
    "0.5, 0.4795001221869535, 1.5204998778130465",
    "0.999, 0.15771472979350307, 1.842285270206497",
    "1.0, 0.15729920705028513, 1.842700792949715",
    "1.5, 0.033894853524689274, 1.9661051464753108",
    "2.5, 0.0004069520174449589, 1.999593047982555",
    "5.0, 1.5374597944280351e-12, 1.9999999999984626",
    "10.0, 2.088487583762545e-45, 2.0"
  })
  void agreesWithTheCLibrary(double x, double expected, double mirrored) {
    assertEquals(expected, Erf.erfc(x), expected * 1e-13);
    assertEquals(mirrored, Erf.erfc(-x), mirrored * 1e-14);
  }

  @Test
  void limits() {
    assertEquals(1, Erf.erfc(0));
    assertEquals(0, Erf.erfc(Double.POSITIVE_INFINITY));
    assertEquals(2, Erf.erfc(Double.NEGATIVE_INFINITY));
    assertEquals(0, Erf.erfc(40));
    assertEquals(Double.NaN, Erf.erfc(Double.NaN));
  }
}
