package jllm.generate.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Python's slices. */
final class Slices {
  /** Where a slice of a sequence of known length starts and stops. */
  record Bounds(int start, int stop, int step) {
    List<Object> of(List<Object> items) {
      List<Object> selected = new ArrayList<>();
      // Long, since the step may be as far as an int goes.
      for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
        selected.add(items.get((int) i));
      }
      return selected;
    }
  }

  private Slices() {}

  /** The slice of a value; each bound is an integer or None. */
  static Object slice(Object value, Object start, Object stop, Object step) {
    Undefined.refuse(value);
    return switch (value) {
      case String text -> text(text, start, stop, step);
      case Markup markup -> new Markup(text(markup.text(), start, stop, step));
      case Sequence sequence ->
          sequence.with(bounds(sequence.items().size(), start, stop, step).of(sequence.items()));
      case Range range -> range.slice(bounds(range.size(), start, stop, step));
      case Dict _ -> throw new TemplateException("unhashable type: 'slice'");
      default ->
          throw new TemplateException(
              "'" + Values.typeName(value) + "' object is not subscriptable");
    };
  }

  private static String text(String text, Object start, Object stop, Object step) {
    int[] points = text.codePoints().toArray();
    Bounds bounds = bounds(points.length, start, stop, step);
    StringBuilder selected = new StringBuilder();
    for (long i = bounds.start; bounds.step > 0 ? i < bounds.stop : i > bounds.stop; ) {
      selected.appendCodePoint(points[(int) i]);
      i += bounds.step;
    }
    return selected.toString();
  }

  private static Bounds bounds(int length, Object start, Object stop, Object step) {
    int by = step == None.NONE ? 1 : bounded(step);
    if (by == 0) {
      throw new TemplateException("slice step cannot be zero");
    }
    int lowest = by > 0 ? 0 : -1;
    int highest = by > 0 ? length : length - 1;
    int from = start == None.NONE ? (by > 0 ? lowest : highest) : within(start, length, by);
    int to = stop == None.NONE ? (by > 0 ? highest : lowest) : within(stop, length, by);
    return new Bounds(from, to, by);
  }

  private static int within(Object bound, int length, int step) {
    long index = bounded(bound);
    if (index < 0) {
      return (int) Math.max(index + length, step > 0 ? 0 : -1);
    }
    return (int) Math.min(index, step > 0 ? length : length - 1);
  }

  private static int bounded(Object value) {
    if (!(value instanceof BigInteger) && !(value instanceof Boolean)) {
      throw new TemplateException(
          "slice indices must be integers or None or have an __index__ method");
    }
    BigInteger number = Numbers.index(value);
    return number
        .max(BigInteger.valueOf(-Integer.MAX_VALUE))
        .min(BigInteger.valueOf(Integer.MAX_VALUE))
        .intValue();
  }
}
