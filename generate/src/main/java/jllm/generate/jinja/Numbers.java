package jllm.generate.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * Python's numbers: {@code int} is a BigInteger here, {@code float} a Double, {@code bool} both.
 */
final class Numbers {
  private Numbers() {}

  static BigInteger integer(long value) {
    return BigInteger.valueOf(value);
  }

  /** A number that an index may be. */
  static BigInteger index(Object value) {
    BigInteger number = whole(value);
    if (number == null) {
      Undefined.refuse(value);
      throw new TemplateException(
          "'" + Values.typeName(value) + "' object cannot be interpreted as an integer");
    }
    return number;
  }

  /** An index that fits. */
  static int size(Object value) {
    BigInteger number = index(value);
    if (number.bitLength() > 31) {
      throw new TemplateException("Python int too large to convert to C ssize_t");
    }
    return number.intValue();
  }

  /** An int or bool as a number, absent for all else. */
  static @Nullable BigInteger whole(Object value) {
    return switch (value) {
      case BigInteger number -> number;
      case Boolean truth -> truth ? BigInteger.ONE : BigInteger.ZERO;
      default -> null;
    };
  }

  static boolean isNumber(Object value) {
    return value instanceof BigInteger || value instanceof Double || value instanceof Boolean;
  }

  /** Any number as a float. */
  static double real(Object value) {
    BigInteger whole = whole(value);
    if (whole == null) {
      return (Double) value;
    }
    double real = whole.doubleValue();
    if (Double.isInfinite(real)) {
      throw new TemplateException("int too large to convert to float");
    }
    return real;
  }

  /** A finite number exactly. */
  static BigDecimal decimal(Number number) {
    return number instanceof BigInteger whole
        ? new BigDecimal(whole)
        : new BigDecimal(number.doubleValue());
  }

  /** Compares two numbers exactly; a NaN is handled by the caller. */
  static int compare(Object left, Object right) {
    if (left instanceof Double a && right instanceof Double b) {
      return a < b ? -1 : a > b ? 1 : 0;
    }
    if (left instanceof Double a && Double.isInfinite(a)) {
      return a > 0 ? 1 : -1;
    }
    if (right instanceof Double b && Double.isInfinite(b)) {
      return b > 0 ? -1 : 1;
    }
    return exact(left).compareTo(exact(right));
  }

  private static BigDecimal exact(Object value) {
    BigInteger whole = whole(value);
    return whole == null ? new BigDecimal((Double) value) : new BigDecimal(whole);
  }

  static boolean isNan(Object value) {
    return value instanceof Double number && number.isNaN();
  }
}
