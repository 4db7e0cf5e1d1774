package jllm.tensor.scalar;

/** The complementary error function, which the JDK lacks. */
final class Erf {
  /** Where the series becomes slower than the fraction. */
  private static final double SPLIT = 1;

  private static final int FRACTION_TERMS = 200;

  private Erf() {}

  /** {@code 1 - erf(x)} to about 1e-14 of its value. */
  static double erfc(double x) {
    if (x < 0) {
      return 2 - erfc(-x);
    }
    return x < SPLIT ? 1 - series(x) : fraction(x);
  }

  /**
   * {@code erf(x) = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (1*3*..*(2n+1))}: all terms have one
   * sign (Abramowitz and Stegun 1964, 7.1.6).
   */
  private static double series(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; term > sum * 1e-17; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  /**
   * {@code erfc(x) = exp(-x^2)/sqrt(pi) * 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ...))))}
   * (Abramowitz and Stegun 1964, 7.1.14), evaluated from the inside.
   */
  private static double fraction(double x) {
    double tail = x;
    for (int n = FRACTION_TERMS; n > 0; n--) {
      tail = x + n / 2.0 / tail;
    }
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
  }
}
