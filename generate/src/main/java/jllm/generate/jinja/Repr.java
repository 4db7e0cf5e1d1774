package jllm.generate.jinja;

import java.math.BigDecimal;
import java.util.List;
import java.util.stream.Collectors;

/** How Python prints values: {@code str()} and {@code repr()}. */
final class Repr {
  private Repr() {}

  static String str(Object value) {
    return switch (value) {
      case String text -> text;
      case Markup markup -> markup.text();
      case Undefined _ -> "";
      default -> repr(value);
    };
  }

  static String repr(Object value) {
    return switch (value) {
      case None _ -> "None";
      case Boolean truth -> truth ? "True" : "False";
      case Double number -> real(number);
      case String text -> quoted(text);
      case Markup markup -> "Markup(" + quoted(markup.text()) + ")";
      case ListValue list -> "[" + joined(list.items()) + "]";
      case Tuple tuple -> "(" + joined(tuple.items()) + (tuple.items().size() == 1 ? ",)" : ")");
      case Dict dict ->
          dict.items().stream()
              .map(item -> repr(item.key()) + ": " + repr(item.value()))
              .collect(Collectors.joining(", ", "{", "}"));
      case DictView view -> view.typeName() + "([" + joined(view.elements()) + "])";
      case Range range ->
          range.step().equals(java.math.BigInteger.ONE)
              ? "range(" + range.start() + ", " + range.stop() + ")"
              : "range(" + range.start() + ", " + range.stop() + ", " + range.step() + ")";
      case Undefined _ -> "Undefined";
      case Namespace namespace -> "<Namespace " + repr(namespace.attributes()) + ">";
      case LoopContext loop -> loop.describe();
      case Macro macro -> "<Macro " + macro.describe() + ">";
      case Stream stream -> "<" + stream.typeName() + " object>";
      case WithAttributes object -> "<" + object.typeName() + " object>";
      case Function function -> "<" + function.typeName() + ">";
      default -> value.toString();
    };
  }

  private static String joined(List<Object> items) {
    return items.stream().map(Repr::repr).collect(Collectors.joining(", "));
  }

  /**
   * A float: the shortest digits that give it back, with an exponent from 1e16 on and below 1e-4.
   */
  static String real(double number) {
    if (!Double.isFinite(number)) {
      return Double.isNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
    }
    if (number == 0) {
      return 1 / number < 0 ? "-0.0" : "0.0";
    }
    BigDecimal digits = new BigDecimal(Double.toString(number)).stripTrailingZeros();
    int exponent = digits.precision() - digits.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      return (digits.scale() < 1 ? digits.setScale(1) : digits).toPlainString();
    }
    String all = digits.unscaledValue().abs().toString();
    return (number < 0 ? "-" : "")
        + all.charAt(0)
        + (all.length() > 1 ? "." + all.substring(1) : "")
        + (exponent < 0 ? "e-" : "e+")
        + "%02d".formatted(Math.abs(exponent));
  }

  /** A string literal. */
  static String quoted(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(quote);
    text.codePoints().forEach(point -> appendQuoted(out, point, quote));
    return out.append(quote).toString();
  }

  private static void appendQuoted(StringBuilder out, int point, char quote) {
    switch (point) {
      case '\n' -> out.append("\\n");
      case '\r' -> out.append("\\r");
      case '\t' -> out.append("\\t");
      case '\\' -> out.append("\\\\");
      default -> {
        if (point == quote) {
          out.append('\\').append(quote);
        } else if (Strings.isPrintable(point)) {
          out.appendCodePoint(point);
        } else if (point < 0x100) {
          out.append("\\x%02x".formatted(point));
        } else if (point < 0x10000) {
          out.append("\\u%04x".formatted(point));
        } else {
          out.append("\\U%08x".formatted(point));
        }
      }
    }
  }
}
