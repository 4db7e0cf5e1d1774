package jllm.generate.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The arguments of a call. */
record Arguments(List<Object> positional, Map<String, Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  static Arguments of(Object... positional) {
    return new Arguments(List.of(positional), Map.of());
  }

  /** Arguments given to the parameters of a function. */
  static final class Bound {
    private final @Nullable Object[] values;

    private Bound(int count) {
      values = new @Nullable Object[count];
    }

    boolean has(int index) {
      return values[index] != null;
    }

    Object get(int index, Object fallback) {
      Object value = values[index];
      return value == null ? fallback : value;
    }

    /** A parameter that is required. */
    Object get(int index) {
      Object value = values[index];
      if (value == null) {
        throw new IllegalStateException("parameter " + index + " was not required");
      }
      return value;
    }
  }

  /**
   * Gives each argument to its parameter, as Python does.
   *
   * @param function its name, for messages
   * @param required how many of the parameters must be given
   */
  Bound bind(String function, int required, String... names) {
    if (positional.size() > names.length) {
      throw new TemplateException(
          "%s() takes %s positional argument%s but %d %s given"
              .formatted(
                  function,
                  required == names.length
                      ? String.valueOf(required)
                      : "from " + required + " to " + names.length,
                  names.length == 1 ? "" : "s",
                  positional.size(),
                  positional.size() == 1 ? "was" : "were"));
    }
    Bound bound = new Bound(names.length);
    for (int i = 0; i < positional.size(); i++) {
      bound.values[i] = positional.get(i);
    }
    named.forEach((name, value) -> {
      int index = List.of(names).indexOf(name);
      if (index < 0) {
        throw new TemplateException(
            function + "() got an unexpected keyword argument '" + name + "'");
      }
      if (bound.values[index] != null) {
        throw new TemplateException(
            function + "() got multiple values for argument '" + name + "'");
      }
      bound.values[index] = value;
    });
    for (int i = 0; i < required; i++) {
      if (bound.values[i] == null) {
        throw new TemplateException(
            function + "() missing 1 required positional argument: '" + names[i] + "'");
      }
    }
    return bound;
  }

  /** These arguments after one more. */
  Arguments after(Object first) {
    List<Object> all = new java.util.ArrayList<>();
    all.add(first);
    all.addAll(positional);
    return new Arguments(all, named);
  }

  /** All but the first positional arguments. */
  Arguments from(int index) {
    return new Arguments(positional.subList(index, positional.size()), named);
  }

  /** With another named argument. */
  Arguments with(String name, Object value) {
    Map<String, Object> all = new LinkedHashMap<>(named);
    all.put(name, value);
    return new Arguments(positional, all);
  }
}
