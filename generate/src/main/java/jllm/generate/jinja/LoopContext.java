package jllm.generate.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The variable {@code loop}, which is also the iteration itself: elements are asked for when they
 * are needed, since a condition of the loop may depend on what its body did.
 */
final class LoopContext implements WithAttributes, Function {
  private final Function recursion;
  private final int depth;
  private Iterator<Object> rest;
  private @Nullable Integer length;
  private @Nullable Object ahead;
  private @Nullable Object current;
  private @Nullable Object before;
  private @Nullable Tuple last;
  private int index = -1;

  /**
   * @param elements of the loop
   * @param length their number if it is known
   * @param depth of a recursive loop, from 0
   * @param recursion what calling the variable does
   */
  LoopContext(Iterator<Object> elements, @Nullable Integer length, int depth, Function recursion) {
    this.rest = elements;
    this.length = length;
    this.depth = depth;
    this.recursion = recursion;
  }

  /** The next element, absent at the end. */
  @Nullable Object next() {
    Object next = peek();
    ahead = null;
    if (next != null) {
      index++;
      before = current;
      current = next;
    }
    return next;
  }

  private @Nullable Object peek() {
    if (ahead == null && rest.hasNext()) {
      ahead = rest.next();
    }
    return ahead;
  }

  int length() {
    if (length == null) {
      List<Object> all = new ArrayList<>();
      rest.forEachRemaining(all::add);
      rest = all.iterator();
      length = all.size() + index + 1 + (ahead == null ? 0 : 1);
    }
    return length;
  }

  /** What iterating over the variable itself gives: the rest, each with the variable. */
  Iterator<Object> pairs() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return peek() != null;
      }

      @Override
      public Object next() {
        Object next = LoopContext.this.next();
        if (next == null) {
          throw new java.util.NoSuchElementException();
        }
        return Tuple.of(next, LoopContext.this);
      }
    };
  }

  @Override
  public @Nullable Object attribute(String name) {
    return switch (name) {
      case "index" -> Numbers.integer(index + 1);
      case "index0" -> Numbers.integer(index);
      case "revindex" -> Numbers.integer(length() - index);
      case "revindex0" -> Numbers.integer(length() - index - 1);
      case "first" -> index == 0;
      case "last" -> peek() == null;
      case "length" -> Numbers.integer(length());
      case "depth" -> Numbers.integer(depth + 1);
      case "depth0" -> Numbers.integer(depth);
      case "previtem" -> before == null ? new Undefined("there is no previous item") : before;
      case "nextitem" -> {
        Object next = peek();
        yield next == null ? new Undefined("there is no next item") : next;
      }
      case "cycle" -> (Function) this::cycle;
      case "changed" -> (Function) this::changed;
      default -> null;
    };
  }

  private Object cycle(Arguments arguments) {
    List<Object> items = arguments.positional();
    if (items.isEmpty()) {
      throw new TemplateException("no items for cycling given");
    }
    return items.get(index % items.size());
  }

  private Object changed(Arguments arguments) {
    Tuple now = new Tuple(arguments.positional());
    boolean changed = last == null || !Values.equal(last, now);
    last = now;
    return changed;
  }

  @Override
  public Object call(Arguments arguments) {
    return recursion.call(arguments);
  }

  int depth() {
    return depth;
  }

  String describe() {
    return "<LoopContext " + (index + 1) + "/" + length() + ">";
  }

  @Override
  public String typeName() {
    return "LoopContext";
  }
}
