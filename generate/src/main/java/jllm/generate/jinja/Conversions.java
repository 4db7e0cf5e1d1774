package jllm.generate.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Python's {@code int()} and {@code float()}. */
final class Conversions {
  private static final Pattern REAL =
      Pattern.compile(
          "[+-]?(?:(?:\\d(?:_?\\d)*)(?:\\.(?:\\d(?:_?\\d)*)?)?|\\.\\d(?:_?\\d)*)(?:[eE][+-]?\\d(?:_?\\d)*)?");
  private static final Pattern SPECIAL = Pattern.compile("(?i)([+-]?)(?:(inf|infinity)|nan)");

  private Conversions() {}

  /** The integer part. */
  static BigInteger truncate(double number) {
    if (!Double.isFinite(number)) {
      throw new TemplateException(
          Double.isNaN(number)
              ? "cannot convert float NaN to integer"
              : "cannot convert float infinity to integer");
    }
    return new BigDecimal(number).toBigInteger();
  }

  /** The number that a text of digits in a base says, absent if it says none. */
  static @Nullable BigInteger integer(String text, int base) {
    String digits = Strings.strip(text, null).toLowerCase(Locale.ROOT);
    boolean negative = digits.startsWith("-");
    if (negative || digits.startsWith("+")) {
      digits = digits.substring(1);
    }
    int actual = base;
    String prefix = digits.length() > 2 ? digits.substring(0, 2) : "";
    int prefixed =
        switch (prefix) {
          case "0x" -> 16;
          case "0o" -> 8;
          case "0b" -> 2;
          default -> 0;
        };
    if (prefixed != 0 && (base == 0 || base == prefixed)) {
      digits = digits.substring(2);
      digits = digits.startsWith("_") ? digits.substring(1) : digits;
      actual = prefixed;
    } else if (base == 0) {
      actual = 10;
    }
    if (!digits.matches("[\\p{Nd}a-z]+(_[\\p{Nd}a-z]+)*")) {
      return null;
    }
    try {
      BigInteger number = new BigInteger(digits.replace("_", ""), actual);
      return negative ? number.negate() : number;
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** The number that a text says, absent if it says none. */
  static @Nullable Double real(String text) {
    String digits = Strings.strip(text, null);
    var special = SPECIAL.matcher(digits);
    if (special.matches()) {
      double value = special.group(2) == null ? Double.NaN : Double.POSITIVE_INFINITY;
      return special.group(1).equals("-") ? -value : value;
    }
    return REAL.matcher(digits).matches() ? Double.valueOf(digits.replace("_", "")) : null;
  }
}
