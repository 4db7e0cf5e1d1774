package jllm.generate.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Python's format specification: {@code
 * [[fill]align][sign][#][0][width][grouping][.precision][type]}.
 *
 * @param precision -1 = none
 * @param type {@code \\0} = none
 */
record FormatSpec(
    String fill,
    char align,
    char sign,
    boolean alternate,
    int width,
    String grouping,
    int precision,
    char type) {
  private static final Pattern SPEC =
      Pattern.compile(
          "(?:(.)?([<>=^]))?([-+ ])?z?(#)?(0)?(\\d+)?([,_])?(?:\\.(\\d+))?([a-zA-Z%])?",
          Pattern.DOTALL);

  static String format(Object value, String spec) {
    if (spec.isEmpty()) {
      return Repr.str(value);
    }
    return parse(spec, value).apply(value);
  }

  private static FormatSpec parse(String spec, Object value) {
    Matcher parts = SPEC.matcher(spec);
    if (!parts.matches()) {
      throw new TemplateException(
          "Invalid format specifier '%s' for object of type '%s'"
              .formatted(spec, Values.typeName(value)));
    }
    boolean zero = parts.group(5) != null;
    boolean number = Numbers.isNumber(value);
    String align = parts.group(2);
    return new FormatSpec(
        parts.group(1) != null ? parts.group(1) : zero ? "0" : " ",
        align != null ? align.charAt(0) : zero && number ? '=' : number ? '>' : '<',
        parts.group(3) == null ? '-' : parts.group(3).charAt(0),
        parts.group(4) != null,
        integer(parts.group(6), 0),
        parts.group(7) == null ? "" : parts.group(7),
        integer(parts.group(8), -1),
        parts.group(9) == null ? 0 : parts.group(9).charAt(0));
  }

  private static int integer(String digits, int absent) {
    if (digits == null) {
      return absent;
    }
    if (digits.length() > 8) {
      throw new TemplateException("Too many decimal digits in format string");
    }
    return Integer.parseInt(digits);
  }

  private String apply(Object value) {
    if (Values.isString(value) || !Numbers.isNumber(value)) {
      if (!Values.isString(value)) {
        throw new TemplateException(
            "unsupported format string passed to " + Values.typeName(value) + ".__format__");
      }
      if (type != 0 && type != 's') {
        throw unknown(value);
      }
      String text = Values.text(value);
      return pad(
          "",
          precision < 0
              ? text
              : Repr.str(Slices.slice(text, None.NONE, Numbers.integer(precision), None.NONE)));
    }
    return number(value);
  }

  private TemplateException unknown(Object value) {
    return new TemplateException(
        "Unknown format code '%s' for object of type '%s'".formatted(type, Values.typeName(value)));
  }

  private String number(Object value) {
    BigInteger whole = Numbers.whole(value);
    boolean integral = whole != null && "dxXobcn\0".indexOf(type) >= 0;
    if (whole == null && "eEfFgGn%\0".indexOf(type) < 0
        || whole != null && !integral && "eEfFgG%".indexOf(type) < 0) {
      throw unknown(value);
    }
    if (whole != null && integral && type == 'c') {
      return pad("", character(whole));
    }
    boolean negative =
        whole != null && integral
            ? whole.signum() < 0
            : Double.doubleToRawLongBits(Numbers.real(value)) < 0 && !Numbers.isNan(value);
    String digits =
        whole != null && integral
            ? grouped(integer(whole.abs()), "xXob".indexOf(type) >= 0 ? 4 : 3)
            : real(Math.abs(Numbers.real(value)));
    String prefix = negative ? "-" : sign == '-' ? "" : String.valueOf(sign);
    if (alternate && integral && "xXob".indexOf(type) >= 0) {
      prefix += "0" + type;
    }
    return pad(prefix, digits);
  }

  /** The character of a code point. */
  static String character(BigInteger point) {
    if (point.signum() < 0
        || point.bitLength() > 21
        || !Character.isValidCodePoint(point.intValue())) {
      throw new TemplateException("character code not in range(0x110000)");
    }
    return Character.toString(point.intValue());
  }

  private String integer(BigInteger number) {
    return switch (type) {
      case 'x' -> number.toString(16);
      case 'X' -> number.toString(16).toUpperCase(Locale.ROOT);
      case 'o' -> number.toString(8);
      case 'b' -> number.toString(2);
      default -> number.toString();
    };
  }

  private String real(double number) {
    if (type == '%') {
      return real(number * 100, 'f', precision < 0 ? 6 : precision) + "%";
    }
    String text;
    if (type == 0 && precision < 0) {
      text = Repr.real(number);
    } else if (type == 0) {
      text = real(number, 'g', precision);
      text = text.contains(".") || text.contains("e") ? text : text + ".0";
    } else {
      text = real(number, type == 'n' ? 'g' : type, precision < 0 ? 6 : precision);
    }
    int end = 0;
    while (end < text.length() && Character.isDigit(text.charAt(end))) {
      end++;
    }
    return grouped(text.substring(0, end), 3) + text.substring(end);
  }

  private String grouped(String digits, int size) {
    if (grouping.isEmpty()) {
      return digits;
    }
    StringBuilder out = new StringBuilder(digits);
    for (int i = digits.length() - size; i > 0; i -= size) {
      out.insert(i, grouping);
    }
    return out.toString();
  }

  private String pad(String prefix, String text) {
    long missing = (long) width - Strings.length(prefix) - Strings.length(text);
    if (missing <= 0) {
      return prefix + text;
    }
    return switch (align) {
      case '<' -> prefix + text + Strings.repeat(fill, missing);
      case '=' -> prefix + Strings.repeat(fill, missing) + text;
      case '^' ->
          Strings.repeat(fill, missing / 2)
              + prefix
              + text
              + Strings.repeat(fill, missing - missing / 2);
      default -> Strings.repeat(fill, missing) + prefix + text;
    };
  }

  /**
   * A float that is not negative.
   *
   * @param type one of {@code e E f F g G}
   */
  static String real(double number, char type, int precision) {
    if (!Double.isFinite(number)) {
      String name = Double.isNaN(number) ? "nan" : "inf";
      return Character.isUpperCase(type) ? name.toUpperCase(Locale.ROOT) : name;
    }
    if (precision > 1000) {
      throw new TemplateException("precision too big");
    }
    BigDecimal exact = new BigDecimal(number);
    String text =
        switch (Character.toLowerCase(type)) {
          case 'f' -> exact.setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
          case 'e' -> scientific(exact, precision);
          default -> general(exact, Math.max(1, precision));
        };
    return Character.isUpperCase(type) ? text.toUpperCase(Locale.ROOT) : text;
  }

  private static String scientific(BigDecimal number, int precision) {
    BigDecimal rounded =
        number.signum() == 0
            ? BigDecimal.ZERO
            : number.round(new java.math.MathContext(precision + 1, RoundingMode.HALF_EVEN));
    String digits = rounded.unscaledValue().toString();
    int exponent = number.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
    digits = (digits + "0".repeat(precision + 1)).substring(0, precision + 1);
    return digits.charAt(0)
        + (precision > 0 ? "." + digits.substring(1) : "")
        + (exponent < 0 ? "e-" : "e+")
        + "%02d".formatted(Math.abs(exponent));
  }

  private static String general(BigDecimal number, int precision) {
    String scientific = scientific(number, precision - 1);
    int exponent = Integer.parseInt(scientific.substring(scientific.indexOf('e') + 1));
    if (exponent < -4 || exponent >= precision) {
      String digits = scientific.substring(0, scientific.indexOf('e'));
      return withoutZeros(digits) + scientific.substring(scientific.indexOf('e'));
    }
    return withoutZeros(
        number.setScale(precision - 1 - exponent, RoundingMode.HALF_EVEN).toPlainString());
  }

  private static String withoutZeros(String digits) {
    return digits.contains(".") ? Strings.stripEnd(Strings.stripEnd(digits, "0"), ".") : digits;
  }
}
