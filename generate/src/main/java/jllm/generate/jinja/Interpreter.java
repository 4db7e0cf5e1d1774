package jllm.generate.jinja;

import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** Executes the statements of a template. */
final class Interpreter implements Macro.Renderer {
  /** Macros and recursive loops may call each other so deep. */
  private static final int DEEPEST = 200;

  private static final String CAPTURED = " captured";

  /** How a list of statements ended. */
  private enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  private final Output output = new Output();
  private final Evaluator evaluator = new Evaluator();
  private final Scope root;
  private int depth;

  Interpreter(Scope root) {
    this.root = root;
  }

  Rendering run(List<Statement> template) {
    run(template, root);
    return output.rendering();
  }

  private Flow run(List<Statement> body, Scope scope) {
    for (Statement statement : body) {
      Flow flow;
      try {
        flow = run(statement, scope);
      } catch (TemplateException e) {
        e.at(statement.line());
        throw e;
      }
      if (flow != Flow.NEXT) {
        return flow;
      }
    }
    return Flow.NEXT;
  }

  private Flow run(Statement statement, Scope scope) {
    switch (statement) {
      case Statement.Text text -> output.write(text.text());
      case Statement.Print print ->
          print.values().forEach(value -> output.write(Repr.str(evaluate(value, scope))));
      case Statement.If choice -> {
        return run(choice, scope);
      }
      case Statement.For loop -> {
        return loop.recursive()
            ? writeRecursive(loop, scope)
            : run(loop, evaluate(loop.iterable(), scope), 0, scope);
      }
      case Statement.Break _ -> {
        return Flow.BREAK;
      }
      case Statement.Continue _ -> {
        return Flow.CONTINUE;
      }
      case Statement.Set set -> assign(set.target(), evaluate(set.value(), scope), scope);
      case Statement.SetBlock set -> {
        return run(set, scope);
      }
      case Statement.FilterBlock filter -> {
        return run(filter, scope);
      }
      case Statement.With with -> {
        return run(with, scope);
      }
      case Statement.MacroDefinition definition ->
          scope.set(
              String.valueOf(definition.macro().name()),
              new Macro(definition.macro(), scope, this));
      case Statement.CallBlock block -> call(block, scope);
      case Statement.Generation generation ->
          output.writeGenerated(rendered(generation.body(), new Scope(scope)));
      case Statement.Block block -> {
        return run(block.body(), new Scope(block.scoped() ? scope : root));
      }
      case Statement.Load _ ->
          throw new TemplateException("no loader for this environment specified");
      case Statement.Autoescape escape -> {
        if (Values.truth(evaluate(escape.enabled(), scope))) {
          throw new TemplateException("escaping of all values as HTML is not supported");
        }
        return run(escape.body(), new Scope(scope));
      }
    }
    return Flow.NEXT;
  }

  @Override
  public Object evaluate(Expression expression, Scope scope) {
    return evaluator.evaluate(expression, scope);
  }

  private Flow run(Statement.If choice, Scope scope) {
    for (int i = 0; i < choice.conditions().size(); i++) {
      if (Values.truth(evaluate(choice.conditions().get(i), scope))) {
        return run(choice.bodies().get(i), scope);
      }
    }
    return run(choice.bodies().getLast(), scope);
  }

  private void assign(Target target, Object value, Scope scope) {
    switch (target) {
      case Target.Name name -> scope.set(name.name(), value);
      case Target.Attribute attribute -> {
        Object owner = scope.get(attribute.namespace());
        if (!(owner instanceof Namespace namespace)) {
          throw new TemplateException("cannot assign attribute on non-namespace object");
        }
        namespace.set(attribute.name(), value);
      }
      case Target.Several several -> unpack(several.targets(), value, scope);
    }
  }

  private void unpack(List<Target> targets, Object value, Scope scope) {
    Iterator<Object> items;
    try {
      items = Values.iterate(value);
    } catch (TemplateException e) {
      throw new TemplateException(
          "cannot unpack non-iterable " + Values.typeName(value) + " object");
    }
    List<Object> found = new java.util.ArrayList<>();
    while (items.hasNext() && found.size() <= targets.size()) {
      found.add(items.next());
    }
    if (found.size() != targets.size()) {
      throw new TemplateException(
          found.size() > targets.size()
              ? "too many values to unpack (expected " + targets.size() + ")"
              : "not enough values to unpack (expected %d, got %d)"
                  .formatted(targets.size(), found.size()));
    }
    for (int i = 0; i < targets.size(); i++) {
      assign(targets.get(i), found.get(i), scope);
    }
  }

  /** A recursive loop is rendered as a whole, since it is a function of its elements. */
  private Flow writeRecursive(Statement.For loop, Scope scope) {
    output.write(recursion(loop, evaluate(loop.iterable(), scope), 0, scope));
    return Flow.NEXT;
  }

  private String recursion(Statement.For loop, Object iterable, int level, Scope scope) {
    enter();
    output.capture();
    try {
      run(loop, iterable, level, scope);
    } finally {
      depth--;
    }
    return output.captured();
  }

  private Flow run(Statement.For loop, Object iterable, int level, Scope scope) {
    Iterator<Object> elements = Values.iterate(iterable);
    Integer length = iterable instanceof Stream ? null : Values.length(iterable);
    Expression condition = loop.condition();
    if (condition != null) {
      elements = selected(elements, loop.target(), condition, scope);
      length = null;
    }
    LoopContext context =
        new LoopContext(elements, length, level, arguments -> again(loop, arguments, level, scope));
    boolean any = false;
    for (Object element = context.next(); element != null; element = context.next()) {
      any = true;
      Scope inner = new Scope(scope);
      inner.set("loop", context);
      assign(loop.target(), element, inner);
      if (run(loop.body(), inner) == Flow.BREAK) {
        break;
      }
    }
    return any ? Flow.NEXT : run(loop.otherwise(), new Scope(scope));
  }

  private Object again(Statement.For loop, Arguments arguments, int level, Scope scope) {
    if (!loop.recursive()) {
      throw new TemplateException(
          "The loop must have the 'recursive' marker to be called recursively.");
    }
    return recursion(loop, arguments.bind("__call__", 1, "iterable").get(0), level + 1, scope);
  }

  private Iterator<Object> selected(
      Iterator<Object> elements, Target target, Expression condition, Scope scope) {
    return new Iterator<>() {
      private @Nullable Object found;

      @Override
      public boolean hasNext() {
        while (found == null && elements.hasNext()) {
          Object element = elements.next();
          Scope inner = new Scope(scope);
          assign(target, element, inner);
          if (Values.truth(evaluate(condition, inner))) {
            found = element;
          }
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
    };
  }

  private Flow run(Statement.SetBlock set, Scope scope) {
    Scope inner = new Scope(scope);
    output.capture();
    Flow flow = run(set.body(), inner);
    String text = output.captured();
    if (flow == Flow.NEXT) {
      assign(set.target(), filtered(set.filter(), text, inner), scope);
    }
    return flow;
  }

  private Object filtered(@Nullable Expression filter, String text, Scope scope) {
    if (filter == null) {
      return text;
    }
    scope.set(CAPTURED, text);
    return evaluate(filter, scope);
  }

  private Flow run(Statement.FilterBlock block, Scope scope) {
    Scope inner = new Scope(scope);
    output.capture();
    Flow flow = run(block.body(), inner);
    String text = output.captured();
    if (flow == Flow.NEXT) {
      output.write(Repr.str(filtered(block.filter(), text, inner)));
    }
    return flow;
  }

  /** The text that a filter block captured. */
  static Object captured(Scope scope) {
    Object text = scope.get(CAPTURED);
    if (text == null) {
      throw new IllegalStateException("a filter without a block");
    }
    return text;
  }

  private Flow run(Statement.With with, Scope scope) {
    Scope inner = new Scope(scope);
    for (int i = 0; i < with.targets().size(); i++) {
      assign(with.targets().get(i), evaluate(with.values().get(i), scope), inner);
    }
    return run(with.body(), inner);
  }

  private void call(Statement.CallBlock block, Scope scope) {
    Macro caller = new Macro(block.caller(), scope, this);
    output.write(Repr.str(evaluator.call(block.call(), scope, caller)));
  }

  @Override
  public String render(Statement.MacroBody body, Scope scope) {
    enter();
    try {
      return rendered(body.body(), scope);
    } finally {
      depth--;
    }
  }

  private String rendered(List<Statement> body, Scope scope) {
    output.capture();
    run(body, scope);
    return output.captured();
  }

  private void enter() {
    if (++depth > DEEPEST) {
      depth--;
      throw new TemplateException("maximum recursion depth exceeded");
    }
  }
}
