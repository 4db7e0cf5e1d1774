package jllm.generate.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/** Python's operators on values. */
final class Arithmetic {
  /** Integers that a power may give have at most so many bits. */
  private static final long MOST_BITS = 1 << 20;

  private static final MathContext QUOTIENT = new MathContext(60);

  private Arithmetic() {}

  static Object apply(String operator, Object left, Object right) {
    if (operator.equals("%") && Values.isString(left)) {
      String text = PercentFormat.format(Values.text(left), right);
      return left instanceof Markup ? new Markup(text) : text;
    }
    Undefined.refuse(left, right);
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return left instanceof Double || right instanceof Double
          ? real(operator, Numbers.real(left), Numbers.real(right))
          : whole(operator, Numbers.index(left), Numbers.index(right));
    }
    return switch (operator) {
      case "+" -> add(left, right);
      case "*" -> multiply(left, right);
      default -> throw unsupported(operator, left, right);
    };
  }

  private static TemplateException unsupported(String operator, Object left, Object right) {
    return new TemplateException(
        "unsupported operand type(s) for %s: '%s' and '%s'"
            .formatted(
                operator.equals("**") ? "** or pow()" : operator,
                Values.typeName(left),
                Values.typeName(right)));
  }

  private static Object add(Object left, Object right) {
    if (Values.isString(left) && Values.isString(right)) {
      if (left instanceof Markup || right instanceof Markup) {
        return new Markup(Markup.escape(left).text() + Markup.escape(right).text());
      }
      return (String) left + right;
    }
    if (left instanceof ListValue a && right instanceof ListValue b) {
      return new ListValue(joined(a.items(), b.items()));
    }
    if (left instanceof Tuple a && right instanceof Tuple b) {
      return new Tuple(joined(a.items(), b.items()));
    }
    String kind = Values.typeName(left);
    if (left instanceof String || left instanceof Sequence) {
      throw new TemplateException(
          "can only concatenate %s (not \"%s\") to %s"
              .formatted(kind, Values.typeName(right), kind));
    }
    throw unsupported("+", left, right);
  }

  private static List<Object> joined(List<Object> left, List<Object> right) {
    List<Object> all = new ArrayList<>(left);
    all.addAll(right);
    return all;
  }

  private static Object multiply(Object left, Object right) {
    boolean isLeft = Values.isString(left) || left instanceof Sequence;
    Object repeated = isLeft ? left : right;
    Object times = isLeft ? right : left;
    if (!Values.isString(repeated) && !(repeated instanceof Sequence)) {
      throw unsupported("*", left, right);
    }
    if (Numbers.whole(times) == null) {
      throw new TemplateException(
          "can't multiply sequence by non-int of type '" + Values.typeName(times) + "'");
    }
    int count = Math.max(0, Numbers.size(times));
    return switch (repeated) {
      case String text -> Strings.repeat(text, count);
      case Markup markup -> new Markup(Strings.repeat(markup.text(), count));
      case Sequence sequence -> {
        if ((long) sequence.items().size() * count > Strings.LONGEST / 64) {
          throw new TemplateException("a list would have too many items");
        }
        List<Object> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          all.addAll(sequence.items());
        }
        yield sequence.with(all);
      }
      default -> throw new IllegalStateException();
    };
  }

  private static Object whole(String operator, BigInteger a, BigInteger b) {
    return switch (operator) {
      case "+" -> a.add(b);
      case "-" -> a.subtract(b);
      case "*" -> a.multiply(b);
      case "/" -> {
        if (b.signum() == 0) {
          throw new TemplateException("division by zero");
        }
        double quotient = new BigDecimal(a).divide(new BigDecimal(b), QUOTIENT).doubleValue();
        if (Double.isInfinite(quotient)) {
          throw new TemplateException("integer division result too large for a float");
        }
        yield quotient;
      }
      case "//" -> {
        checkDivisor(b, "integer division or modulo by zero");
        BigInteger[] parts = a.divideAndRemainder(b);
        yield parts[1].signum() != 0 && parts[1].signum() != b.signum()
            ? parts[0].subtract(BigInteger.ONE)
            : parts[0];
      }
      case "%" -> {
        checkDivisor(b, "integer modulo by zero");
        BigInteger rest = a.remainder(b);
        yield rest.signum() != 0 && rest.signum() != b.signum() ? rest.add(b) : rest;
      }
      case "**" -> power(a, b);
      default -> throw new IllegalArgumentException(operator);
    };
  }

  private static void checkDivisor(BigInteger divisor, String message) {
    if (divisor.signum() == 0) {
      throw new TemplateException(message);
    }
  }

  private static Object power(BigInteger base, BigInteger exponent) {
    if (exponent.signum() < 0) {
      return real("**", Numbers.real(base), Numbers.real(exponent));
    }
    if (base.bitLength() <= 1 && base.abs().compareTo(BigInteger.ONE) <= 0) {
      return base.signum() == 0 && exponent.signum() > 0
          ? BigInteger.ZERO
          : base.signum() < 0 && exponent.testBit(0) ? base : BigInteger.ONE;
    }
    if (exponent.bitLength() > 31 || base.bitLength() * exponent.longValue() > MOST_BITS) {
      throw new TemplateException("a power has more than " + MOST_BITS + " bits");
    }
    return base.pow(exponent.intValue());
  }

  private static Object real(String operator, double a, double b) {
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> {
        checkDivisor(b, "float division by zero");
        yield a / b;
      }
      case "//" -> {
        checkDivisor(b, "float floor division by zero");
        yield floorQuotient(a, b);
      }
      case "%" -> {
        checkDivisor(b, "float modulo");
        yield modulo(a, b);
      }
      case "**" -> {
        if (a == 0 && b < 0) {
          throw new TemplateException("0.0 cannot be raised to a negative power");
        }
        double power = Math.pow(a, b);
        if (a < 0 && Double.isNaN(power) && !Double.isNaN(b)) {
          throw new TemplateException("complex numbers are not supported");
        }
        if (Double.isInfinite(power) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
          throw new TemplateException("(34, 'Numerical result out of range')");
        }
        yield power;
      }
      default -> throw new IllegalArgumentException(operator);
    };
  }

  private static void checkDivisor(double divisor, String message) {
    if (divisor == 0) {
      throw new TemplateException(message);
    }
  }

  private static double modulo(double a, double b) {
    double rest = a % b;
    if (rest == 0) {
      return Math.copySign(0, b);
    }
    return rest < 0 != b < 0 ? rest + b : rest;
  }

  private static double floorQuotient(double a, double b) {
    double quotient = (a - modulo(a, b)) / b;
    if (quotient == 0) {
      return Math.copySign(0, a / b);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  static Object unary(String operator, Object value) {
    Undefined.refuse(value);
    boolean negative = operator.equals("-");
    BigInteger whole = Numbers.whole(value);
    if (whole != null) {
      return negative ? whole.negate() : whole;
    }
    if (value instanceof Double real) {
      return negative ? -real : real;
    }
    throw new TemplateException(
        "bad operand type for unary " + operator + ": '" + Values.typeName(value) + "'");
  }
}
