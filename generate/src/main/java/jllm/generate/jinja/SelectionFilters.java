package jllm.generate.jinja;

import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Filters that change or choose the elements of a sequence, one at a time. */
final class SelectionFilters {
  private SelectionFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("map", SelectionFilters::map);
    filters.put("select", (value, arguments) -> select(value, arguments, false, true));
    filters.put("reject", (value, arguments) -> select(value, arguments, false, false));
    filters.put("selectattr", (value, arguments) -> select(value, arguments, true, true));
    filters.put("rejectattr", (value, arguments) -> select(value, arguments, true, false));
  }

  private static Object map(Object value, Arguments arguments) {
    if (!Values.truth(value)) {
      return new Stream(Collections.emptyIterator());
    }
    return lazily(
        value,
        elements -> {
          UnaryOperator<Object> change = change(arguments);
          return new Iterator<>() {
            @Override
            public boolean hasNext() {
              return elements.hasNext();
            }

            @Override
            public Object next() {
              return change.apply(elements.next());
            }
          };
        });
  }

  private static UnaryOperator<Object> change(Arguments arguments) {
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      Map<String, Object> named = new LinkedHashMap<>(arguments.named());
      Object attribute = named.remove("attribute");
      Object fallback = named.remove("default");
      if (!named.isEmpty()) {
        throw new TemplateException(
            "Unexpected keyword argument " + Repr.quoted(named.keySet().iterator().next()));
      }
      return Attributes.getter(
          attribute == null ? None.NONE : attribute, fallback == None.NONE ? null : fallback);
    }
    if (arguments.positional().isEmpty()) {
      throw new TemplateException("map requires a filter argument");
    }
    String name = name(arguments.positional().getFirst(), "filter");
    Arguments rest = arguments.from(1);
    return item -> Filters.apply(name, item, rest);
  }

  private static String name(Object name, String kind) {
    if (name instanceof Undefined undefined) {
      throw new TemplateException(
          "No %s named Undefined. (%s; did you forget to quote the callable name?)"
              .formatted(kind, undefined.message()));
    }
    if (!Values.isString(name)) {
      throw new TemplateException("No " + kind + " named " + Repr.repr(name) + ".");
    }
    return Values.text(name);
  }

  private static Object select(
      Object value, Arguments arguments, boolean byAttribute, boolean wanted) {
    if (!Values.truth(value)) {
      return new Stream(Collections.emptyIterator());
    }
    return lazily(
        value,
        elements -> {
          Predicate<Object> test = test(arguments, byAttribute);
          return new Selected(elements, element -> test.test(element) == wanted);
        });
  }

  private static Predicate<Object> test(Arguments arguments, boolean byAttribute) {
    UnaryOperator<Object> getter = UnaryOperator.identity();
    Arguments rest = arguments;
    if (byAttribute) {
      if (arguments.positional().isEmpty()) {
        throw new TemplateException("Missing parameter for attribute name");
      }
      getter = Attributes.getter(arguments.positional().getFirst(), null);
      rest = arguments.from(1);
    }
    UnaryOperator<Object> operand = getter;
    if (rest.positional().isEmpty()) {
      return element -> Values.truth(operand.apply(element));
    }
    Arguments parameters = rest.from(1);
    Object named = rest.positional().getFirst();
    return element -> Tests.apply(name(named, "test"), operand.apply(element), parameters);
  }

  private interface Elements {
    Iterator<Object> from(Iterator<Object> elements);
  }

  /** A generator: nothing is computed, and nothing fails, before it is iterated over. */
  private static Stream lazily(Object value, Elements elements) {
    return new Stream(
        new Iterator<>() {
          private @Nullable Iterator<Object> started;

          private Iterator<Object> start() {
            Iterator<Object> now = started;
            if (now == null) {
              now = elements.from(Values.iterate(value));
              started = now;
            }
            return now;
          }

          @Override
          public boolean hasNext() {
            return start().hasNext();
          }

          @Override
          public Object next() {
            return start().next();
          }
        });
  }

  /** The elements that pass. */
  private static final class Selected implements Iterator<Object> {
    private final Iterator<Object> elements;
    private final Predicate<Object> passes;
    private @Nullable Object found;

    Selected(Iterator<Object> elements, Predicate<Object> passes) {
      this.elements = elements;
      this.passes = passes;
    }

    @Override
    public boolean hasNext() {
      while (found == null && elements.hasNext()) {
        Object element = elements.next();
        found = passes.test(element) ? element : null;
      }
      return found != null;
    }

    @Override
    public Object next() {
      if (!hasNext() || found == null) {
        throw new NoSuchElementException();
      }
      Object next = found;
      found = null;
      return next;
    }
  }
}
