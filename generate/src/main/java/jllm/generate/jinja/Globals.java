package jllm.generate.jinja;

import java.time.LocalDateTime;
import java.util.List;
import java.util.function.Supplier;

/** The functions that each template can call. */
final class Globals {
  private Globals() {}

  /**
   * Puts the functions into a scope.
   *
   * @param clock the time that {@code strftime_now} tells
   */
  static void define(Scope scope, Supplier<LocalDateTime> clock) {
    scope.set("range", type("type", Range::of));
    scope.set("dict", type("type", Globals::dict));
    scope.set("namespace", type("type", arguments -> new Namespace(dict(arguments))));
    scope.set("cycler", type("type", arguments -> new Cycler(arguments.positional())));
    scope.set("joiner", type("type", Globals::joiner));
    scope.set("raise_exception", type("function", Globals::raise));
    scope.set(
        "strftime_now",
        type(
            "function",
            arguments -> {
              Object format = arguments.bind("strftime_now", 1, "format").get(0);
              if (!Values.isString(format)) {
                throw new TemplateException(
                    "strftime() argument 1 must be str, not " + Values.typeName(format));
              }
              return new Strftime(clock.get()).format(Values.text(format));
            }));
  }

  private static Function type(String name, Function function) {
    return new Function() {
      @Override
      public Object call(Arguments arguments) {
        return function.call(arguments);
      }

      @Override
      public String typeName() {
        return name;
      }
    };
  }

  private static Object raise(Arguments arguments) {
    Object message = arguments.bind("raise_exception", 1, "message").get(0);
    throw TemplateException.raisedByTemplate(Repr.str(message));
  }

  private static Dict dict(Arguments arguments) {
    if (arguments.positional().size() > 1) {
      throw new TemplateException(
          "dict expected at most 1 argument, got " + arguments.positional().size());
    }
    Dict dict = new Dict();
    if (!arguments.positional().isEmpty()) {
      switch (arguments.positional().getFirst()) {
        case Dict other -> dict.putAll(other);
        case Object pairs -> putPairs(dict, pairs);
      }
    }
    arguments.named().forEach(dict::put);
    return dict;
  }

  private static void putPairs(Dict dict, Object pairs) {
    int index = 0;
    for (Object element : Values.iterateAll(pairs)) {
      List<Object> pair;
      try {
        pair = Values.iterateAll(element);
      } catch (TemplateException e) {
        throw new TemplateException(
            "cannot convert dictionary update sequence element #" + index + " to a sequence");
      }
      if (pair.size() != 2) {
        throw new TemplateException(
            "dictionary update sequence element #%d has length %d; 2 is required"
                .formatted(index, pair.size()));
      }
      dict.put(pair.get(0), pair.get(1));
      index++;
    }
  }

  private static Function joiner(Arguments arguments) {
    Object separator = arguments.bind("Joiner.__init__", 0, "sep").get(0, ", ");
    boolean[] used = new boolean[1];
    return type(
        "Joiner",
        _ -> {
          boolean first = !used[0];
          used[0] = true;
          return first ? "" : separator;
        });
  }
}
