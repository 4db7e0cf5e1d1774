package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What filters mean by an attribute: a path such as {@code function.name} or {@code 0.role}. */
final class Attributes {
  private Attributes() {}

  /**
   * A function that looks an attribute up.
   *
   * @param attribute a path, an index, or None for the value itself
   * @param fallback for what is not there, absent = undefined
   */
  static UnaryOperator<Object> getter(Object attribute, @Nullable Object fallback) {
    List<Object> path = path(attribute);
    return value -> {
      Object found = value;
      for (Object step : path) {
        found = Members.item(found, step);
        if (fallback != null && found instanceof Undefined) {
          found = fallback;
        }
      }
      return found;
    };
  }

  /** Looks several attributes up, with commas between. */
  static UnaryOperator<Object> severalGetter(Object attribute, UnaryOperator<Object> after) {
    List<UnaryOperator<Object>> getters = new ArrayList<>();
    if (Values.isString(attribute)) {
      Strings.split(Values.text(attribute), ",", -1)
          .forEach(part -> getters.add(getter(part, null)));
    } else {
      getters.add(getter(attribute, null));
    }
    return value -> {
      List<Object> found = new ArrayList<>();
      getters.forEach(getter -> found.add(after.apply(getter.apply(value))));
      return new ListValue(found);
    };
  }

  private static List<Object> path(Object attribute) {
    if (attribute == None.NONE) {
      return List.of();
    }
    if (!Values.isString(attribute)) {
      return List.of(attribute);
    }
    List<Object> steps = new ArrayList<>();
    for (String part : Strings.split(Values.text(attribute), ".", -1)) {
      boolean number = !part.isEmpty() && part.chars().allMatch(c -> c >= '0' && c <= '9');
      steps.add(number ? (Object) new BigInteger(part) : part);
    }
    return steps;
  }

  /** What values are compared by: texts without regard to case, unless it matters. */
  static UnaryOperator<Object> caseRule(boolean sensitive) {
    return value ->
        !sensitive && Values.isString(value) ? Strings.lower(Values.text(value)) : value;
  }
}
