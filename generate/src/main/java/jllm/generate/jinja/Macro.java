package jllm.generate.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A macro, or the body of a {@code call} block, with the scope in which it stands. */
final class Macro implements WithAttributes, Function {
  /** Renders the body of a macro whose parameters are in the scope. */
  interface Renderer {
    String render(Statement.MacroBody body, Scope scope);

    Object evaluate(Expression expression, Scope scope);
  }

  private final Statement.MacroBody body;
  private final Scope outer;
  private final Renderer renderer;

  Macro(Statement.MacroBody body, Scope outer, Renderer renderer) {
    this.body = body;
    this.outer = outer;
    this.renderer = renderer;
  }

  @Override
  public Object call(Arguments arguments) {
    List<String> parameters = body.parameters();
    Map<String, Object> named = new LinkedHashMap<>(arguments.named());
    Scope scope = new Scope(outer);
    List<@Nullable Object> given = new ArrayList<>();
    for (int i = 0; i < parameters.size(); i++) {
      given.add(
          i < arguments.positional().size()
              ? arguments.positional().get(i)
              : named.remove(parameters.get(i)));
    }
    if (body.mentioned().contains("caller") && !parameters.contains("caller")) {
      Object caller = named.remove("caller");
      scope.set("caller", caller == null ? new Undefined("No caller defined") : caller);
    }
    takeRest(arguments, named, scope);
    int firstDefault = parameters.size() - body.defaults().size();
    for (int i = 0; i < parameters.size(); i++) {
      String name = parameters.get(i);
      Object value = given.get(i);
      if (value == null) {
        value =
            i >= firstDefault
                ? renderer.evaluate(body.defaults().get(i - firstDefault), scope)
                : new Undefined("parameter " + Repr.quoted(name) + " was not provided");
      }
      scope.set(name, value);
    }
    return renderer.render(body, scope);
  }

  private void takeRest(Arguments arguments, Map<String, Object> named, Scope scope) {
    String name = body.name() == null ? "None" : Repr.quoted(body.name());
    if (body.mentioned().contains("kwargs") && !body.parameters().contains("kwargs")) {
      Dict rest = new Dict();
      named.forEach(rest::put);
      scope.set("kwargs", rest);
    } else if (named.containsKey("caller")) {
      throw new TemplateException(
          "macro "
              + name
              + " was invoked with two values for the special caller argument."
              + " This is most likely a bug.");
    } else if (!named.isEmpty()) {
      throw new TemplateException(
          "macro "
              + name
              + " takes no keyword argument "
              + Repr.quoted(named.keySet().iterator().next()));
    }
    int count = body.parameters().size();
    List<Object> positional = arguments.positional();
    if (body.mentioned().contains("varargs") && !body.parameters().contains("varargs")) {
      scope.set(
          "varargs",
          new Tuple(
              List.copyOf(
                  positional.subList(Math.min(count, positional.size()), positional.size()))));
    } else if (positional.size() > count) {
      throw new TemplateException(
          "macro " + name + " takes not more than " + count + " argument(s)");
    }
  }

  @Override
  public @Nullable Object attribute(String name) {
    return switch (name) {
      case "name" -> body.name() == null ? None.NONE : body.name();
      case "arguments" -> new Tuple(new ArrayList<>(body.parameters()));
      case "catch_kwargs" -> body.mentioned().contains("kwargs");
      case "catch_varargs" -> body.mentioned().contains("varargs");
      case "caller" -> body.mentioned().contains("caller");
      default -> null;
    };
  }

  String describe() {
    return body.name() == null ? "anonymous" : Repr.quoted(body.name());
  }

  @Override
  public String typeName() {
    return "Macro";
  }
}
