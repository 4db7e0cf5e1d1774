package jllm.generate.jinja;

import java.util.List;

/** A list; templates cannot change one. */
record ListValue(List<Object> items) implements Sequence {
  @Override
  public ListValue with(List<Object> others) {
    return new ListValue(others);
  }
}
