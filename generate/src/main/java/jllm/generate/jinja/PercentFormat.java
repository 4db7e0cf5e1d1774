package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The {@code %} of strings, as C's printf. */
final class PercentFormat {
  private static final Pattern CONVERSION =
      Pattern.compile(
          "(?:\\((?<key>[^)]*)\\))?(?<flags>[-+ #0]*)(?<width>\\*|\\d*)"
              + "(?:\\.(?<precision>\\*|\\d*))?[hlL]?(?<type>.)",
          Pattern.DOTALL);

  private final Object values;
  private final List<Object> items;
  private int next;

  private PercentFormat(Object values) {
    this.values = values;
    this.items = values instanceof Tuple tuple ? tuple.items() : List.of(values);
  }

  static String format(String pattern, Object values) {
    return new PercentFormat(values).run(pattern);
  }

  private String run(String pattern) {
    StringBuilder out = new StringBuilder();
    int i = 0;
    while (i < pattern.length()) {
      int percent = pattern.indexOf('%', i);
      if (percent < 0) {
        break;
      }
      out.append(pattern, i, percent);
      Matcher parts = CONVERSION.matcher(pattern).region(percent + 1, pattern.length());
      if (!parts.lookingAt()) {
        throw new TemplateException("incomplete format");
      }
      out.append(convert(parts));
      i = parts.end();
    }
    out.append(pattern, i, pattern.length());
    if (next < items.size() && !(values instanceof Dict) && !(isMapping() && next == 0)) {
      throw new TemplateException("not all arguments converted during string formatting");
    }
    return out.toString();
  }

  /** Lists and other objects with elements pass for mappings, whose left-overs are no error. */
  private boolean isMapping() {
    return values instanceof ListValue || values instanceof Range;
  }

  private Object next() {
    if (next >= items.size()) {
      throw new TemplateException("not enough arguments for format string");
    }
    return items.get(next++);
  }

  private int number(String digits, int absent) {
    if (digits == null || digits.isEmpty()) {
      return digits == null ? absent : 0;
    }
    if (digits.equals("*")) {
      return Numbers.size(next());
    }
    return digits.length() > 8 ? Integer.MAX_VALUE : Integer.parseInt(digits);
  }

  private String convert(Matcher parts) {
    String flags = parts.group("flags");
    char type = parts.group("type").charAt(0);
    if (type == '%') {
      return "%";
    }
    int width = number(parts.group("width"), 0);
    int precision = number(parts.group("precision"), -1);
    Object value;
    if (parts.group("key") == null) {
      value = next();
    } else if (values instanceof Dict dict) {
      value = dict.get(parts.group("key"));
      if (value == null) {
        throw new TemplateException(Repr.quoted(parts.group("key")));
      }
    } else {
      throw new TemplateException("format requires a mapping");
    }
    boolean left = flags.contains("-") || width < 0;
    String sign = flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
    return switch (type) {
      case 's', 'r', 'a' -> {
        String text = type == 's' ? Repr.str(value) : Repr.repr(value);
        if (precision >= 0) {
          text = Repr.str(Slices.slice(text, None.NONE, Numbers.integer(precision), None.NONE));
        }
        yield pad("", text, Math.abs(width), left, false);
      }
      case 'c' -> pad("", character(value), Math.abs(width), left, false);
      case 'd', 'i', 'u', 'x', 'X', 'o' -> {
        BigInteger number = integer(value, type);
        String digits =
            number.abs().toString(type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10);
        digits = "0".repeat(Math.clamp((long) precision - digits.length(), 0, 1000)) + digits;
        String prefix = number.signum() < 0 ? "-" : sign;
        if (flags.contains("#") && "xXo".indexOf(type) >= 0) {
          prefix += "0" + type;
        }
        yield pad(
            prefix,
            type == 'X' ? digits.toUpperCase(Locale.ROOT) : digits,
            Math.abs(width),
            left,
            flags.contains("0"));
      }
      case 'e', 'E', 'f', 'F', 'g', 'G' -> {
        double number = real(value);
        yield pad(
            Double.doubleToRawLongBits(number) < 0 && !Double.isNaN(number) ? "-" : sign,
            FormatSpec.real(Math.abs(number), type, precision < 0 ? 6 : precision),
            Math.abs(width),
            left,
            flags.contains("0"));
      }
      default ->
          throw new TemplateException(
              "unsupported format character '%s' (0x%x) at index %d"
                  .formatted(type, (int) type, parts.start("type")));
    };
  }

  private static String character(Object value) {
    if (value instanceof BigInteger number) {
      return FormatSpec.character(number);
    }
    if (!Values.isString(value) || Strings.length(Values.text(value)) != 1) {
      throw new TemplateException("a character is required: an int or a text of one");
    }
    return Values.text(value);
  }

  private static BigInteger integer(Object value, char type) {
    if (value instanceof Double number && "diu".indexOf(type) >= 0) {
      return Conversions.truncate(number);
    }
    BigInteger number = Numbers.whole(value);
    if (number == null) {
      Undefined.refuse(value);
      throw new TemplateException(
          "%%%c format: %s is required, not %s"
              .formatted(
                  type,
                  "diu".indexOf(type) >= 0 ? "a real number" : "an integer",
                  Values.typeName(value)));
    }
    return number;
  }

  private static double real(Object value) {
    if (!Numbers.isNumber(value)) {
      Undefined.refuse(value);
      throw new TemplateException("must be real number, not " + Values.typeName(value));
    }
    return Numbers.real(value);
  }

  private static String pad(String sign, String text, int width, boolean left, boolean zeros) {
    long missing = (long) width - sign.length() - Strings.length(text);
    if (left) {
      return sign + text + Strings.repeat(" ", missing);
    }
    return zeros
        ? sign + Strings.repeat("0", missing) + text
        : Strings.repeat(" ", missing) + sign + text;
  }
}
