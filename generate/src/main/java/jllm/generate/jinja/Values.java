package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What all values have in common. A value is one of: None, Boolean, BigInteger, Double, String,
 * Markup, ListValue, Tuple, Dict, DictView, Range, Stream, Undefined, Function, WithAttributes.
 */
final class Values {
  private Values() {}

  /** A value of Java (as JSON gives it) as one of templates. */
  static Object of(@Nullable Object value) {
    return switch (value) {
      case null -> None.NONE;
      case Boolean truth -> truth;
      case BigInteger number -> number;
      case Float number -> number.doubleValue();
      case Double number -> number;
      case Number number -> BigInteger.valueOf(number.longValue());
      case String text -> text;
      case List<?> list -> {
        List<Object> items = new ArrayList<>(list.size());
        list.forEach(item -> items.add(of(item)));
        yield new ListValue(items);
      }
      case Map<?, ?> map -> {
        Dict dict = new Dict();
        map.forEach((key, item) -> dict.put(of(key), of(item)));
        yield dict;
      }
      default -> throw new IllegalArgumentException("no value of a template: " + value.getClass());
    };
  }

  static String typeName(Object value) {
    return switch (value) {
      case None _ -> "NoneType";
      case Boolean _ -> "bool";
      case BigInteger _ -> "int";
      case Double _ -> "float";
      case String _ -> "str";
      case Markup _ -> "Markup";
      case ListValue _ -> "list";
      case Tuple tuple -> tuple.names().isEmpty() ? "tuple" : "_GroupTuple";
      case Dict _ -> "dict";
      case DictView view -> view.typeName();
      case Range _ -> "range";
      case Stream stream -> stream.typeName();
      case Undefined _ -> "Undefined";
      case WithAttributes object -> object.typeName();
      case Function function -> function.typeName();
      default -> throw new IllegalArgumentException("no value: " + value.getClass());
    };
  }

  static boolean isString(Object value) {
    return value instanceof String || value instanceof Markup;
  }

  /** The characters of a string. */
  static String text(Object string) {
    return string instanceof Markup markup ? markup.text() : (String) string;
  }

  static boolean truth(Object value) {
    return switch (value) {
      case None _ -> false;
      case Boolean truth -> truth;
      case BigInteger number -> number.signum() != 0;
      case Double number -> number != 0;
      case Stream _, Namespace _, Cycler _ -> true;
      default -> {
        Integer length = length(value);
        yield length == null || length > 0;
      }
    };
  }

  /** The length, absent for values that have none. */
  static @Nullable Integer length(Object value) {
    return switch (value) {
      case String text -> text.codePointCount(0, text.length());
      case Markup markup -> length(markup.text());
      case Sequence sequence -> sequence.items().size();
      case Dict dict -> dict.size();
      case DictView view -> view.dict().size();
      case Range range -> range.size();
      case Undefined _ -> 0;
      case LoopContext loop -> loop.length();
      default -> null;
    };
  }

  @SuppressWarnings("ReferenceEquality") // as Python: what is the same object is equal
  static boolean equal(Object left, Object right) {
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return !Numbers.isNan(left) && !Numbers.isNan(right) && Numbers.compare(left, right) == 0;
    }
    if (isString(left) && isString(right)) {
      return text(left).equals(text(right));
    }
    return switch (left) {
      case ListValue list when right instanceof ListValue other ->
          equal(list.items(), other.items());
      case Tuple tuple when right instanceof Tuple other -> equal(tuple.items(), other.items());
      case Dict dict when right instanceof Dict other -> equal(dict, other);
      case DictView view when right instanceof DictView other ->
          !view.typeName().equals("dict_values")
              && view.typeName().equals(other.typeName())
              && equal(view.elements(), other.elements());
      case Range range when right instanceof Range other ->
          equal(iterateAll(range), iterateAll(other));
      case Undefined _ -> right instanceof Undefined;
      default -> left == right;
    };
  }

  @SuppressWarnings("ReferenceEquality") // as Python: what is the same object is equal
  private static boolean equal(List<Object> left, List<Object> right) {
    if (left.size() != right.size()) {
      return false;
    }
    for (int i = 0; i < left.size(); i++) {
      if (left.get(i) != right.get(i) && !equal(left.get(i), right.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean equal(Dict left, Dict right) {
    if (left.size() != right.size()) {
      return false;
    }
    for (Dict.Item item : left.items()) {
      Object other = right.get(item.key());
      if (other == null || !equal(item.value(), other)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether {@code left operator right} holds.
   *
   * @param operator one of {@code < <= > >=}
   */
  static boolean compare(Object left, String operator, Object right) {
    Undefined.refuse(left, right);
    if (Numbers.isNan(left) && Numbers.isNumber(right)
        || Numbers.isNan(right) && Numbers.isNumber(left)) {
      return false;
    }
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return holds(Numbers.compare(left, right), operator);
    }
    if (isString(left) && isString(right)) {
      return holds(Strings.compare(text(left), text(right)), operator);
    }
    if (left instanceof ListValue a && right instanceof ListValue b) {
      return compare(a.items(), operator, b.items());
    }
    if (left instanceof Tuple a && right instanceof Tuple b) {
      return compare(a.items(), operator, b.items());
    }
    throw new TemplateException(
        "'%s' not supported between instances of '%s' and '%s'"
            .formatted(operator, typeName(left), typeName(right)));
  }

  private static boolean compare(List<Object> left, String operator, List<Object> right) {
    for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
      if (!equal(left.get(i), right.get(i))) {
        return compare(left.get(i), operator, right.get(i));
      }
    }
    return holds(Integer.compare(left.size(), right.size()), operator);
  }

  private static boolean holds(int order, String operator) {
    return switch (operator) {
      case "<" -> order < 0;
      case "<=" -> order <= 0;
      case ">" -> order > 0;
      default -> order >= 0;
    };
  }

  static Iterator<Object> iterate(Object value) {
    return switch (value) {
      case String text ->
          text.codePoints().mapToObj(p -> (Object) Character.toString(p)).iterator();
      case Markup markup -> iterate(markup.text());
      case Sequence sequence -> sequence.items().iterator();
      case Dict dict -> new DictView("dict_keys", dict).elements().iterator();
      case DictView view -> view.elements().iterator();
      case Range range -> range.iterator();
      case Stream stream -> stream.elements();
      case LoopContext loop -> loop.pairs();
      case Undefined _ -> Collections.emptyIterator();
      default -> throw new TemplateException("'" + typeName(value) + "' object is not iterable");
    };
  }

  static List<Object> iterateAll(Object value) {
    List<Object> items = new ArrayList<>();
    iterate(value).forEachRemaining(items::add);
    return items;
  }

  @SuppressWarnings("ReferenceEquality") // as Python: what is the same object is equal
  static boolean contains(Object container, Object element) {
    return switch (container) {
      case String text -> containsText(text, element);
      case Markup markup -> containsText(markup.text(), element);
      case Dict dict -> dict.contains(element);
      case Sequence _, DictView _, Range _, Stream _, Undefined _, LoopContext _ -> {
        Iterator<Object> items = iterate(container);
        while (items.hasNext()) {
          Object item = items.next();
          if (item == element || equal(item, element)) {
            yield true;
          }
        }
        yield false;
      }
      default ->
          throw new TemplateException(
              "argument of type '" + typeName(container) + "' is not iterable");
    };
  }

  private static boolean containsText(String text, Object part) {
    if (!isString(part)) {
      throw new TemplateException(
          "'in <string>' requires string as left operand, not " + typeName(part));
    }
    return text.contains(text(part));
  }
}
