package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Attributes and elements of values, less those that the sandbox keeps from templates. */
final class Members {
  /** Methods that would change a value. */
  private static final Set<String> CHANGING_DICT =
      Set.of("clear", "pop", "popitem", "setdefault", "update");

  private static final Set<String> CHANGING_LIST =
      Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");

  private static final Set<String> INTERNAL =
      Set.of(
          "__class__",
          "__init__",
          "__doc__",
          "__dict__",
          "__eq__",
          "__str__",
          "__repr__",
          "__hash__",
          "__len__",
          "__iter__",
          "__getitem__",
          "__contains__",
          "__add__",
          "__mul__",
          "__mod__",
          "__reduce__",
          "__subclasshook__",
          "__dir__",
          "__module__",
          "__new__");

  private Members() {}

  /** {@code value.name}: an attribute, or an element of that name. */
  static Object attribute(Object value, String name) {
    if (value instanceof Undefined undefined) {
      throw undefined.failure();
    }
    Object own = own(value, name);
    if (own != null) {
      return own;
    }
    Object element = element(value, name);
    return element == null ? Undefined.in(value, name) : element;
  }

  /** {@code value[key]}: an element, or an attribute of that name. */
  static Object item(Object value, Object key) {
    if (value instanceof Undefined undefined) {
      throw undefined.failure();
    }
    Object element = element(value, key);
    if (element == null && Values.isString(key)) {
      element = own(value, Values.text(key));
    }
    return element == null ? Undefined.in(value, key) : element;
  }

  private static @Nullable Object element(Object value, Object key) {
    if (value instanceof Dict dict) {
      // A key that cannot be hashed is not there.
      return key instanceof ListValue || key instanceof Dict ? null : found(dict, key);
    }
    BigInteger number = Numbers.whole(key);
    Integer length = value instanceof DictView ? null : Values.length(value);
    if (number == null || length == null || number.bitLength() > 31) {
      return null;
    }
    int index = number.intValue() < 0 ? number.intValue() + length : number.intValue();
    if (index < 0 || index >= length) {
      return null;
    }
    return switch (value) {
      case String text -> character(text, index);
      case Markup markup -> new Markup(character(markup.text(), index));
      case Sequence sequence -> sequence.items().get(index);
      case Range range -> range.get(index);
      default -> null;
    };
  }

  private static @Nullable Object found(Dict dict, Object key) {
    try {
      return dict.get(key);
    } catch (TemplateException unhashable) {
      return null;
    }
  }

  private static String character(String text, int index) {
    int start = text.offsetByCodePoints(0, index);
    return Character.toString(text.codePointAt(start));
  }

  /** The attribute that an object of this type has, absent if it has none of that name. */
  static @Nullable Object own(Object value, String name) {
    if (value instanceof WithAttributes object) {
      Object attribute = object.attribute(name);
      if (attribute != null || value instanceof Namespace) {
        return attribute;
      }
    }
    if (INTERNAL.contains(name)) {
      return Undefined.unsafe(value, name);
    }
    return switch (value) {
      case String text -> StringMethods.of(text, name);
      case Markup markup -> markupMethod(markup, name);
      case Dict dict ->
          CHANGING_DICT.contains(name) ? Undefined.unsafe(value, name) : dictMethod(dict, name);
      case ListValue list ->
          CHANGING_LIST.contains(name)
              ? Undefined.unsafe(value, name)
              : name.equals("copy") ? (Function) _ -> list : sequenceMethod(list, name);
      case Tuple tuple ->
          tuple.names().contains(name)
              ? tuple.items().get(tuple.names().indexOf(name))
              : sequenceMethod(tuple, name);
      case Range range ->
          switch (name) {
            case "start" -> range.start();
            case "stop" -> range.stop();
            case "step" -> range.step();
            default -> sequenceMethod(new ListValue(Values.iterateAll(range)), name);
          };
      case Boolean truth -> own(truth ? BigInteger.ONE : BigInteger.ZERO, name);
      case BigInteger number -> integerMember(number, name);
      case Double number -> realMember(number, name);
      default -> null;
    };
  }

  private static @Nullable Object markupMethod(Markup markup, String name) {
    Function plain = StringMethods.of(markup.text(), name);
    if (plain == null) {
      return null;
    }
    return (Function)
        arguments ->
            switch (plain.call(arguments)) {
              case String text -> new Markup(text);
              case Object other -> other;
            };
  }

  private static @Nullable Object dictMethod(Dict dict, String name) {
    return switch (name) {
      case "keys", "values", "items" ->
          (Function)
              arguments -> {
                arguments.bind("dict." + name, 0);
                return new DictView("dict_" + name, dict);
              };
      case "get" ->
          (Function)
              arguments -> {
                if (!arguments.named().isEmpty()) {
                  throw new TemplateException("dict.get() takes no keyword arguments");
                }
                if (arguments.positional().isEmpty()) {
                  throw new TemplateException("get expected at least 1 argument, got 0");
                }
                Arguments.Bound bound = arguments.bind("get", 1, "key", "default");
                Object found = dict.get(bound.get(0));
                return found == null ? bound.get(1, None.NONE) : found;
              };
      case "copy" -> (Function) _ -> dict;
      default -> null;
    };
  }

  private static @Nullable Object sequenceMethod(Sequence sequence, String name) {
    List<Object> items = sequence.items();
    String type = Values.typeName(sequence);
    return switch (name) {
      case "count" ->
          (Function)
              arguments -> {
                Object wanted = arguments.bind(type + ".count", 1, "value").get(0);
                return Numbers.integer(
                    items.stream().filter(item -> Values.equal(item, wanted)).count());
              };
      case "index" ->
          (Function)
              arguments -> {
                Object wanted = arguments.bind(type + ".index", 1, "value").get(0);
                for (int i = 0; i < items.size(); i++) {
                  if (Values.equal(items.get(i), wanted)) {
                    return Numbers.integer(i);
                  }
                }
                throw new TemplateException(
                    sequence instanceof ListValue
                        ? Repr.repr(wanted) + " is not in list"
                        : "tuple.index(x): x not in tuple");
              };
      default -> null;
    };
  }

  private static @Nullable Object integerMember(BigInteger number, String name) {
    return switch (name) {
      case "real", "numerator" -> number;
      case "imag" -> BigInteger.ZERO;
      case "denominator" -> BigInteger.ONE;
      case "conjugate" -> (Function) _ -> number;
      case "bit_length" -> (Function) _ -> Numbers.integer(number.abs().bitLength());
      case "bit_count" -> (Function) _ -> Numbers.integer(number.abs().bitCount());
      default -> null;
    };
  }

  private static @Nullable Object realMember(Double number, String name) {
    return switch (name) {
      case "real" -> number;
      case "imag" -> 0.0;
      case "conjugate" -> (Function) _ -> number;
      case "is_integer" -> (Function) _ -> !number.isInfinite() && number == Math.rint(number);
      default -> null;
    };
  }
}
