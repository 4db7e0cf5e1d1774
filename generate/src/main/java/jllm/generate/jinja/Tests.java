package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.Map;

/** The tests behind {@code is}. */
final class Tests {
  private interface Test {
    boolean holds(Object value, Arguments arguments);
  }

  private interface Property {
    boolean of(Object value);
  }

  private interface Relation {
    boolean between(Object value, Object other);
  }

  private static final Map<String, Test> TESTS =
      Map.ofEntries(
          property("odd", value -> isRemainder(value, 2, 1)),
          property("even", value -> isRemainder(value, 2, 0)),
          relation(
              "divisibleby",
              "num",
              (value, number) ->
                  Values.equal(Arithmetic.apply("%", value, number), BigInteger.ZERO)),
          property("defined", value -> !(value instanceof Undefined)),
          property("undefined", value -> value instanceof Undefined),
          property(
              "filter",
              value -> Dict.hashable(value) instanceof String name && Filters.exists(name)),
          property("test", value -> Dict.hashable(value) instanceof String name && exists(name)),
          property("none", value -> value == None.NONE),
          property("boolean", value -> value instanceof Boolean),
          property("true", Boolean.TRUE::equals),
          property("false", Boolean.FALSE::equals),
          property("integer", value -> value instanceof BigInteger),
          property("float", value -> value instanceof Double),
          property("number", Numbers::isNumber),
          property("string", Values::isString),
          property("mapping", value -> value instanceof Dict),
          property("sequence", Tests::isSequence),
          property("iterable", Tests::isIterable),
          property("callable", value -> value instanceof Function || value instanceof Undefined),
          property("lower", value -> StringMethods.isLower(Repr.str(value))),
          property("upper", value -> StringMethods.isUpper(Repr.str(value))),
          property("escaped", value -> value instanceof Markup),
          relation("sameas", "other", Tests::same),
          relation("in", "seq", (value, container) -> Values.contains(container, value)),
          relation("==", "b", Values::equal),
          relation("eq", "b", Values::equal),
          relation("equalto", "b", Values::equal),
          relation("!=", "b", (a, b) -> !Values.equal(a, b)),
          relation("ne", "b", (a, b) -> !Values.equal(a, b)),
          relation(">", "b", (a, b) -> Values.compare(a, ">", b)),
          relation("gt", "b", (a, b) -> Values.compare(a, ">", b)),
          relation("greaterthan", "b", (a, b) -> Values.compare(a, ">", b)),
          relation(">=", "b", (a, b) -> Values.compare(a, ">=", b)),
          relation("ge", "b", (a, b) -> Values.compare(a, ">=", b)),
          relation("<", "b", (a, b) -> Values.compare(a, "<", b)),
          relation("lt", "b", (a, b) -> Values.compare(a, "<", b)),
          relation("lessthan", "b", (a, b) -> Values.compare(a, "<", b)),
          relation("<=", "b", (a, b) -> Values.compare(a, "<=", b)),
          relation("le", "b", (a, b) -> Values.compare(a, "<=", b)));

  private Tests() {}

  static boolean exists(String name) {
    return TESTS.containsKey(name);
  }

  static boolean apply(String name, Object value, Arguments arguments) {
    Test test = TESTS.get(name);
    if (test == null) {
      throw new TemplateException("No test named '" + name + "'.");
    }
    return test.holds(value, arguments);
  }

  private static Map.Entry<String, Test> property(String name, Property property) {
    return Map.entry(
        name,
        (value, arguments) -> {
          arguments.after(value).bind("test_" + name, 1, "value");
          return property.of(value);
        });
  }

  private static Map.Entry<String, Test> relation(String name, String other, Relation relation) {
    return Map.entry(
        name,
        (value, arguments) ->
            relation.between(value, arguments.bind("test_" + name, 1, other).get(0)));
  }

  private static boolean isRemainder(Object value, int divisor, int remainder) {
    return Values.equal(
        Arithmetic.apply("%", value, Numbers.integer(divisor)), Numbers.integer(remainder));
  }

  private static boolean isSequence(Object value) {
    return switch (value) {
      case String _, Markup _, Sequence _, Dict _, Range _, Undefined _ -> true;
      default -> false;
    };
  }

  private static boolean isIterable(Object value) {
    return switch (value) {
      case String _,
          Markup _,
          Sequence _,
          Dict _,
          DictView _,
          Range _,
          Stream _,
          Undefined _,
          LoopContext _ ->
          true;
      default -> false;
    };
  }

  /** Small integers and texts that are equal are one object in Python, mostly. */
  @SuppressWarnings("ReferenceEquality") // it is what the test is about
  private static boolean same(Object value, Object other) {
    return value == other
        || value.getClass() == other.getClass()
            && (value instanceof Boolean || value instanceof BigInteger || value instanceof String)
            && value.equals(other);
  }
}
