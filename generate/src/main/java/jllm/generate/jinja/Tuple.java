package jllm.generate.jinja;

import java.util.List;

/**
 * A tuple.
 *
 * @param names attributes that stand for its items; empty for a plain one
 */
record Tuple(List<Object> items, List<String> names) implements Sequence {
  Tuple(List<Object> items) {
    this(items, List.of());
  }

  static Tuple of(Object... items) {
    return new Tuple(List.of(items));
  }

  @Override
  public Tuple with(List<Object> others) {
    return new Tuple(others);
  }
}
