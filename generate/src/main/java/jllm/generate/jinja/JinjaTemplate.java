package jllm.generate.jinja;

import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A parsed template. It can be rendered any number of times, by several threads. */
public final class JinjaTemplate {
  private final List<Statement> statements;

  private JinjaTemplate(List<Statement> statements) {
    this.statements = statements;
  }

  /**
   * Parses a template.
   *
   * @throws TemplateSyntaxException if it is none
   */
  public static JinjaTemplate parse(String source) {
    return new JinjaTemplate(StatementParser.parse(source));
  }

  /**
   * Renders the template.
   *
   * @param variables values as JSON has them: null, booleans, numbers, strings, lists and maps
   * @param clock the time that {@code strftime_now} tells
   * @throws TemplateException if it cannot be rendered with these, or refuses them
   */
  public Rendering render(
      Map<String, ? extends @Nullable Object> variables, Supplier<LocalDateTime> clock) {
    Scope globals = new Scope(null);
    Globals.define(globals, clock);
    Scope scope = new Scope(globals);
    variables.forEach((name, value) -> scope.set(name, Values.of(value)));
    try {
      return new Interpreter(scope).run(statements);
    } catch (StackOverflowError e) {
      // A value can contain itself, and a thread can have less stack than the limits allow for.
      throw new TemplateException("maximum recursion depth exceeded");
    }
  }
}
