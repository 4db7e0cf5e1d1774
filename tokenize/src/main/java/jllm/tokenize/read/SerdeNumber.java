package jllm.tokenize.read;

/**
 * Decimal numbers as Rust's serde_json reads them: the digits as an integer, rounded, times or by a
 * power of ten, rounded again. The result may be off by the last bit, and such bits decide between
 * ways to cut a text whose tokens are the same in another order: a unigram model gives the tokens
 * of Hugging Face's library only with its numbers.
 */
final class SerdeNumber {

  private static final int MOST_EXPONENT = 308;

  private SerdeNumber() {}

  /** The value of a JSON number. */
  static double parse(String text) {
    int i = 0;
    boolean negative = text.startsWith("-");
    if (negative) {
      i++;
    }
    long digits = 0;
    int exponent = 0;
    boolean full = false;
    boolean fraction = false;
    for (; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '.') {
        fraction = true;
        continue;
      }
      if (c < '0' || c > '9') {
        break;
      }
      int digit = c - '0';
      // What does not fit into 64 bits is dropped.
      full |=
          Long.compareUnsigned(digits, Long.divideUnsigned(-1L, 10)) > 0
              || digits == Long.divideUnsigned(-1L, 10) && digit > 5;
      if (!full) {
        digits = digits * 10 + digit;
        exponent -= fraction ? 1 : 0;
      } else if (!fraction) {
        exponent++;
      }
    }
    if (i < text.length()) {
      exponent +=
          Integer.parseInt(text, i + 1 + (text.charAt(i + 1) == '+' ? 1 : 0), text.length(), 10);
    }
    double value = scale(toDouble(digits), exponent);
    return negative ? -value : value;
  }

  private static double scale(double digits, int exponent) {
    double value = digits;
    int e = exponent;
    while (e < -MOST_EXPONENT && value != 0) {
      value /= 1e308;
      e += MOST_EXPONENT;
    }
    if (value == 0) {
      return value;
    }
    double power = Double.parseDouble("1e" + Math.abs(e));
    return e >= 0 ? value * power : value / power;
  }

  /** An unsigned number, rounded to nearest. */
  private static double toDouble(long digits) {
    if (digits >= 0) {
      return digits;
    }
    // Half of it, with the lost bit kept, rounds the same way.
    return (double) (digits >>> 1 | digits & 1) * 2;
  }
}
