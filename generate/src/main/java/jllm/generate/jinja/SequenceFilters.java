package jllm.generate.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/** Filters of sequences: their order, their parts, what they sum up to. */
final class SequenceFilters {
  private SequenceFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("length", SequenceFilters::length);
    filters.put("count", SequenceFilters::length);
    filters.put("list", (value, _) -> new ListValue(Values.iterateAll(value)));
    filters.put("first", (value, _) -> first(Values.iterate(value), "first"));
    filters.put("last", (value, _) -> last(value));
    filters.put("reverse", (value, _) -> reverse(value));
    filters.put("sort", SequenceFilters::sort);
    filters.put("dictsort", SequenceFilters::dictSort);
    filters.put("unique", SequenceFilters::unique);
    filters.put("groupby", SequenceFilters::groupBy);
    filters.put("batch", SequenceFilters::batch);
    filters.put("slice", SequenceFilters::slice);
    filters.put("items", (value, _) -> items(value));
    filters.put("sum", SequenceFilters::sum);
    filters.put("min", (value, arguments) -> extreme(value, arguments, "min"));
    filters.put("max", (value, arguments) -> extreme(value, arguments, "max"));
  }

  /** The order of two values. Where Python has none, it is an error. */
  static int order(Object left, Object right) {
    return Values.compare(left, "<", right) ? -1 : Values.compare(right, "<", left) ? 1 : 0;
  }

  private static Object length(Object value, Arguments arguments) {
    arguments.bind("len", 0);
    Integer length = Values.length(value);
    if (length == null) {
      throw new TemplateException("object of type '" + Values.typeName(value) + "' has no len()");
    }
    return Numbers.integer(length);
  }

  private static Object first(Iterator<Object> items, String which) {
    return items.hasNext()
        ? items.next()
        : new Undefined("No " + which + " item, sequence was empty.");
  }

  private static Object last(Object value) {
    return switch (reverse(value)) {
      case String text -> first(Values.iterate(text), "last");
      case ListValue _ when value instanceof Stream ->
          throw new TemplateException("'" + Values.typeName(value) + "' object is not reversible");
      case Object reversed -> first(Values.iterate(reversed), "last");
    };
  }

  private static Object reverse(Object value) {
    return switch (value) {
      case String text -> new StringBuilder(text).reverse().toString();
      case Markup markup -> new Markup(new StringBuilder(markup.text()).reverse().toString());
      default -> reversed(value);
    };
  }

  private static Object reversed(Object value) {
    List<Object> items;
    try {
      items = Values.iterateAll(value);
    } catch (TemplateException e) {
      throw new TemplateException("argument must be iterable");
    }
    Collections.reverse(items);
    return switch (value) {
      case Stream _, Undefined _ -> new ListValue(items);
      case ListValue _ -> new Stream("list_reverseiterator", items.iterator());
      case Tuple _ -> new Stream("reversed", items.iterator());
      default -> new Stream(Values.typeName(value) + "_reverseiterator", items.iterator());
    };
  }

  private static List<Object> sorted(
      List<Object> items, UnaryOperator<Object> key, boolean reverse) {
    record Keyed(Object key, Object item) {}
    List<Keyed> keyed = new ArrayList<>();
    items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
    Comparator<Keyed> order = (a, b) -> order(a.key(), b.key());
    keyed.sort(reverse ? order.reversed() : order);
    List<Object> sorted = new ArrayList<>();
    keyed.forEach(pair -> sorted.add(pair.item()));
    return sorted;
  }

  private static Object sort(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_sort", 0, "reverse", "case_sensitive", "attribute");
    UnaryOperator<Object> key =
        Attributes.severalGetter(
            bound.get(2, None.NONE), Attributes.caseRule(Values.truth(bound.get(1, false))));
    return new ListValue(sorted(Values.iterateAll(value), key, Values.truth(bound.get(0, false))));
  }

  private static Dict dict(Object value, String method) {
    Undefined.refuse(value);
    if (!(value instanceof Dict dict)) {
      throw new TemplateException(
          "'" + Values.typeName(value) + "' object has no attribute '" + method + "'");
    }
    return dict;
  }

  private static Object dictSort(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_dictsort", 0, "case_sensitive", "by", "reverse");
    Object by = bound.get(1, "key");
    if (!Values.equal(by, "key") && !Values.equal(by, "value")) {
      throw new TemplateException("You can only sort by either \"key\" or \"value\"");
    }
    UnaryOperator<Object> rule = Attributes.caseRule(Values.truth(bound.get(0, false)));
    int index = Values.equal(by, "key") ? 0 : 1;
    List<Object> pairs = new DictView("dict_items", dict(value, "items")).elements();
    return new ListValue(
        sorted(
            pairs,
            pair -> rule.apply(((Tuple) pair).items().get(index)),
            Values.truth(bound.get(2, false))));
  }

  private static Object unique(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_unique", 0, "case_sensitive", "attribute");
    UnaryOperator<Object> getter = Attributes.getter(bound.get(1, None.NONE), null);
    UnaryOperator<Object> rule = Attributes.caseRule(Values.truth(bound.get(0, false)));
    Set<Object> seen = new HashSet<>();
    List<Object> items = new ArrayList<>();
    for (Object item : Values.iterateAll(value)) {
      if (seen.add(Dict.hashable(rule.apply(getter.apply(item))))) {
        items.add(item);
      }
    }
    return new Stream(items.iterator());
  }

  private static Object groupBy(Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind("do_groupby", 1, "attribute", "default", "case_sensitive");
    Object given = bound.get(1, None.NONE);
    UnaryOperator<Object> getter =
        Attributes.getter(bound.get(0), given == None.NONE ? null : given);
    UnaryOperator<Object> rule = Attributes.caseRule(Values.truth(bound.get(2, false)));
    UnaryOperator<Object> key = item -> rule.apply(getter.apply(item));
    List<Object> groups = new ArrayList<>();
    List<Object> group = new ArrayList<>();
    for (Object item : sorted(Values.iterateAll(value), key, false)) {
      if (!group.isEmpty() && !Values.equal(key.apply(group.getFirst()), key.apply(item))) {
        groups.add(group(group, getter));
        group = new ArrayList<>();
      }
      group.add(item);
    }
    if (!group.isEmpty()) {
      groups.add(group(group, getter));
    }
    return new ListValue(groups);
  }

  private static Tuple group(List<Object> items, UnaryOperator<Object> getter) {
    return new Tuple(
        List.of(getter.apply(items.getFirst()), new ListValue(items)), List.of("grouper", "list"));
  }

  private static Object batch(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_batch", 1, "linecount", "fill_with");
    Object size = bound.get(0);
    Object fill = bound.get(1, None.NONE);
    List<Object> batches = new ArrayList<>();
    List<Object> batch = new ArrayList<>();
    for (Object item : Values.iterateAll(value)) {
      if (Values.equal(Numbers.integer(batch.size()), size)) {
        batches.add(new ListValue(batch));
        batch = new ArrayList<>();
      }
      batch.add(item);
    }
    if (!batch.isEmpty()) {
      if (fill != None.NONE) {
        int missing = Numbers.size(size) - batch.size();
        batch.addAll(Collections.nCopies(Math.clamp(missing, 0, 1 << 20), fill));
      }
      batches.add(new ListValue(batch));
    }
    return new Stream(batches.iterator());
  }

  private static Object slice(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_slice", 1, "slices", "fill_with");
    int slices = Numbers.size(bound.get(0));
    Object fill = bound.get(1, None.NONE);
    List<Object> items = Values.iterateAll(value);
    if (slices == 0) {
      throw new TemplateException("integer division or modulo by zero");
    }
    if (slices > 1 << 20) {
      throw new TemplateException("too many slices");
    }
    List<Object> parts = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < slices; i++) {
      boolean extra = i < items.size() % slices;
      int end = start + items.size() / slices + (extra ? 1 : 0);
      List<Object> part = new ArrayList<>(items.subList(start, end));
      if (fill != None.NONE && !extra) {
        part.add(fill);
      }
      parts.add(new ListValue(part));
      start = end;
    }
    return new Stream(parts.iterator());
  }

  private static Object items(Object value) {
    if (value instanceof Undefined) {
      return new Stream(Collections.emptyIterator());
    }
    if (!(value instanceof Dict dict)) {
      // As the generator that it is in Python, it fails when it is iterated over.
      return new Stream(
          new Iterator<>() {
            @Override
            public boolean hasNext() {
              throw new TemplateException("Can only get item pairs from a mapping.");
            }

            @Override
            public Object next() {
              throw new java.util.NoSuchElementException();
            }
          });
    }
    return new Stream(new DictView("dict_items", dict).elements().iterator());
  }

  private static Object sum(Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("do_sum", 0, "attribute", "start");
    UnaryOperator<Object> getter = Attributes.getter(bound.get(0, None.NONE), null);
    Object sum = bound.get(1, Numbers.integer(0));
    if (Values.isString(sum)) {
      throw new TemplateException("sum() can't sum strings [use ''.join(seq) instead]");
    }
    for (Object item : Values.iterateAll(value)) {
      sum = Arithmetic.apply("+", sum, getter.apply(item));
    }
    return sum;
  }

  private static Object extreme(Object value, Arguments arguments, String which) {
    Arguments.Bound bound = arguments.bind("do_" + which, 0, "case_sensitive", "attribute");
    UnaryOperator<Object> getter = Attributes.getter(bound.get(1, None.NONE), null);
    UnaryOperator<Object> rule = Attributes.caseRule(Values.truth(bound.get(0, false)));
    List<Object> items = Values.iterateAll(value);
    if (items.isEmpty()) {
      return new Undefined("No aggregated item, sequence was empty.");
    }
    String better = which.equals("min") ? "<" : ">";
    Object best = items.getFirst();
    for (Object item : items.subList(1, items.size())) {
      Object key = rule.apply(getter.apply(item));
      if (Values.compare(key, better, rule.apply(getter.apply(best)))) {
        best = item;
      }
    }
    return best;
  }
}
