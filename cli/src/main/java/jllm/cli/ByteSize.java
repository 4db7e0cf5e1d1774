package jllm.cli;

import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A number of bytes such as {@code 500000}, {@code 500k}, {@code 20M} or {@code 1.5G} (of 1000).
 */
final class ByteSize implements ITypeConverter<Long> {
  private static final String UNITS = "kmgt";

  @Override
  public Long convert(String text) {
    String number = text.strip().toLowerCase(Locale.ROOT);
    number = number.endsWith("b") ? number.substring(0, number.length() - 1) : number;
    int unit = number.isEmpty() ? -1 : UNITS.indexOf(number.charAt(number.length() - 1));
    try {
      if (unit < 0) {
        return Long.parseLong(number);
      }
      double value = Double.parseDouble(number.substring(0, number.length() - 1).strip());
      double bytes = value * Math.pow(1000, unit + 1);
      if (bytes >= 0 && bytes < 1e18) {
        return Math.round(bytes);
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw new TypeConversionException(
        "'" + text + "' is no number of bytes, expected one such as 500000, 20M or 1.5G");
  }
}
