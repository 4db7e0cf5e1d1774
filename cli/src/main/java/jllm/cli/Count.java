package jllm.cli;

import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A large number such as {@code 117000000}, {@code 117e6}, {@code 117M}, {@code 1.5B} or {@code
 * 2T}: thousands, millions, billions (also G) and trillions.
 */
final class Count implements ITypeConverter<Double> {
  private static final String UNITS = "kmbt";

  @Override
  public Double convert(String text) {
    String number = text.strip().toLowerCase(Locale.ROOT).replace('g', 'b').replace("_", "");
    int unit = number.isEmpty() ? -1 : UNITS.indexOf(number.charAt(number.length() - 1));
    String digits = unit < 0 ? number : number.substring(0, number.length() - 1).strip();
    if (digits.matches("[0-9]*\\.?[0-9]+(e[+-]?[0-9]{1,3})?")) {
      double value = Double.parseDouble(digits) * Math.pow(1000, unit + 1);
      if (value > 0 && Double.isFinite(value)) {
        return value;
      }
    }
    throw new TypeConversionException(
        "'" + text + "' is no number above 0, expected one such as 117000000, 117e6, 117M or 1.5B");
  }

  /** For people: three digits and a unit, such as {@code 1.10 B}. */
  static String show(double value) {
    if (value < 1000) {
      return trimmed(value);
    }
    String[] units = {"K", "M", "B", "T"};
    int unit = 0;
    double scaled = value / 1000;
    while (scaled >= 999.5 && unit < units.length - 1) {
      scaled /= 1000;
      unit++;
    }
    int decimals = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
    return String.format(Locale.ROOT, "%,." + decimals + "f %s", scaled, units[unit]);
  }

  /** Without decimals where there are none. */
  static String trimmed(double value) {
    return value == Math.rint(value)
        ? String.format(Locale.ROOT, "%,.0f", value)
        : String.format(Locale.ROOT, "%.3g", value);
  }
}
