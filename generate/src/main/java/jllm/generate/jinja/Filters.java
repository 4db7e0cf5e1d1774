package jllm.generate.jinja;

import java.util.HashMap;
import java.util.Map;

/** The filters behind {@code |}. */
final class Filters {
  /** A filter. */
  interface Filter {
    Object apply(Object value, Arguments arguments);
  }

  private static final Map<String, Filter> FILTERS = new HashMap<>();

  static {
    FILTERS.put("default", Filters::fallback);
    FILTERS.put("d", Filters::fallback);
    FILTERS.put("attr", Filters::attribute);
    FILTERS.put("tojson", JsonText::filter);
    FILTERS.put("pprint", (value, _) -> PrettyPrint.format(value));
    FILTERS.put("safe", (value, _) -> new Markup(Repr.str(value)));
    FILTERS.put("escape", (value, _) -> Markup.escape(value));
    FILTERS.put("e", (value, _) -> Markup.escape(value));
    FILTERS.put("forceescape", (value, _) -> Markup.escape(Repr.str(value)));
    SequenceFilters.addTo(FILTERS);
    SelectionFilters.addTo(FILTERS);
    TextFilters.addTo(FILTERS);
    NumberFilters.addTo(FILTERS);
  }

  private Filters() {}

  static boolean exists(String name) {
    return FILTERS.containsKey(name);
  }

  static Object apply(String name, Object value, Arguments arguments) {
    Filter filter = FILTERS.get(name);
    if (filter == null) {
      throw new TemplateException("No filter named '" + name + "'.");
    }
    return filter.apply(value, arguments);
  }

  private static Object fallback(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_default", 0, "default_value", "boolean");
    boolean missing =
        value instanceof Undefined || Values.truth(bound.get(1, false)) && !Values.truth(value);
    return missing ? bound.get(0, "") : value;
  }

  private static Object attribute(Object value, Arguments arguments) {
    Object name = arguments.bind("do_attr", 1, "name").get(0);
    if (!Values.isString(name)) {
      throw new TemplateException(
          "attribute name must be string, not '" + Values.typeName(name) + "'");
    }
    Undefined.refuse(value);
    Object found = Members.own(value, Values.text(name));
    return found == null ? Undefined.in(value, name) : found;
  }
}
