package jllm.generate.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters of numbers. */
final class NumberFilters {
  private NumberFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("abs", (value, _) -> absolute(value));
    filters.put("int", NumberFilters::integer);
    filters.put("float", NumberFilters::real);
    filters.put("round", NumberFilters::round);
    filters.put("filesizeformat", NumberFilters::fileSize);
  }

  private static Object absolute(Object value) {
    Undefined.refuse(value);
    if (!Numbers.isNumber(value)) {
      throw new TemplateException("bad operand type for abs(): '" + Values.typeName(value) + "'");
    }
    BigInteger whole = Numbers.whole(value);
    return whole == null ? (Object) Math.abs((Double) value) : whole.abs();
  }

  private static Object integer(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_int", 0, "default", "base");
    Undefined.refuse(value);
    BigInteger number = integer(value, Numbers.size(bound.get(1, Numbers.integer(10))));
    return number == null ? bound.get(0, BigInteger.ZERO) : number;
  }

  private static @Nullable BigInteger integer(Object value, int base) {
    if (Values.isString(value)) {
      BigInteger number = Conversions.integer(Values.text(value), base);
      Double real = number == null ? Conversions.real(Values.text(value)) : null;
      return real == null || !Double.isFinite(real) ? number : Conversions.truncate(real);
    }
    return value instanceof Double real
        ? Double.isFinite(real) ? Conversions.truncate(real) : null
        : Numbers.whole(value);
  }

  private static Object real(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_float", 0, "default");
    Undefined.refuse(value);
    Double real =
        Values.isString(value)
            ? Conversions.real(Values.text(value))
            : Numbers.isNumber(value) ? (Double) Numbers.real(value) : null;
    return real == null ? bound.get(0, 0.0) : real;
  }

  private static Object round(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_round", 0, "precision", "method");
    String method = Repr.str(bound.get(1, "common"));
    if (!method.equals("common") && !method.equals("ceil") && !method.equals("floor")) {
      throw new TemplateException("method must be common, ceil or floor");
    }
    Undefined.refuse(value);
    int precision = Math.clamp(Numbers.size(bound.get(0, BigInteger.ZERO)), -400, 400);
    if (!Numbers.isNumber(value)) {
      throw new TemplateException(
          method.equals("common")
              ? "type " + Values.typeName(value) + " doesn't define __round__ method"
              : "can't multiply sequence by non-int of type 'float'");
    }
    if (method.equals("common")) {
      BigInteger whole = Numbers.whole(value);
      if (whole != null) {
        return precision >= 0
            ? whole
            : new BigDecimal(whole).setScale(precision, RoundingMode.HALF_EVEN).toBigInteger();
      }
      double real = Numbers.real(value);
      return Double.isFinite(real)
          ? Math.copySign(
              new BigDecimal(real).setScale(precision, RoundingMode.HALF_EVEN).doubleValue(), real)
          : real;
    }
    Object power = Arithmetic.apply("**", Numbers.integer(10), Numbers.integer(precision));
    Object scaled = Arithmetic.apply("*", value, power);
    BigInteger cut =
        scaled instanceof Double real
            ? new BigDecimal(method.equals("ceil") ? Math.ceil(real) : Math.floor(real))
                .toBigInteger()
            : Numbers.index(scaled);
    return Arithmetic.apply("/", cut, power);
  }

  private static Object fileSize(Object value, Arguments arguments) {
    boolean binary = Values.truth(arguments.bind("do_filesizeformat", 0, "binary").get(0, false));
    Undefined.refuse(value);
    Double bytes =
        Values.isString(value)
            ? Conversions.real(Values.text(value))
            : Numbers.isNumber(value) ? (Double) Numbers.real(value) : null;
    if (bytes == null) {
      throw new TemplateException("could not convert string to float: " + Repr.repr(value));
    }
    int base = binary ? 1024 : 1000;
    if (bytes == 1) {
      return "1 Byte";
    }
    if (bytes < base) {
      return Conversions.truncate(bytes) + " Bytes";
    }
    double unit = base;
    String prefixes = binary ? "KMGTPEZY" : "kMGTPEZY";
    int i = 0;
    while (i < prefixes.length() - 1 && bytes >= unit * base) {
      unit *= base;
      i++;
    }
    return FormatSpec.real(bytes / unit, 'f', 1) + " " + prefixes.charAt(i) + (binary ? "iB" : "B");
  }
}
