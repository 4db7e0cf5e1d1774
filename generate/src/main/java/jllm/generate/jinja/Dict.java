package jllm.generate.jinja;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A dictionary in order of insertion. Keys that are equal in Python (1, 1.0, True) are one. */
final class Dict {
  /** A key as it was first given, with its value. */
  record Item(Object key, Object value) {
    Tuple pair() {
      return Tuple.of(key, value);
    }
  }

  private final Map<Object, Item> items = new LinkedHashMap<>();

  Dict() {}

  Dict(Dict other) {
    items.putAll(other.items);
  }

  void put(Object key, Object value) {
    items.merge(
        hashable(key), new Item(key, value), (before, now) -> new Item(before.key(), now.value()));
  }

  void putAll(Dict other) {
    other.items.values().forEach(item -> put(item.key(), item.value()));
  }

  @Nullable Object get(Object key) {
    Item item = items.get(hashable(key));
    return item == null ? null : item.value();
  }

  boolean contains(Object key) {
    return items.containsKey(hashable(key));
  }

  int size() {
    return items.size();
  }

  Collection<Item> items() {
    return items.values();
  }

  /** What stands for a key in a hash table, so that keys are equal where Python's are. */
  static Object hashable(Object key) {
    return switch (key) {
      case Boolean truth -> BigDecimal.valueOf(truth ? 1 : 0);
      case Number number when !(number instanceof Double real) || Double.isFinite(real) ->
          canonical(Numbers.decimal(number));
      case Markup markup -> markup.text();
      case Tuple tuple -> {
        List<Object> parts = new ArrayList<>();
        tuple.items().forEach(item -> parts.add(hashable(item)));
        yield parts;
      }
      case Undefined _ -> Undefined.class;
      case ListValue _, Dict _ ->
          throw new TemplateException("unhashable type: '" + Values.typeName(key) + "'");
      default -> key;
    };
  }

  private static BigDecimal canonical(BigDecimal number) {
    return number.signum() == 0 ? BigDecimal.ZERO : number.stripTrailingZeros();
  }
}
