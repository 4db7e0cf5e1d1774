package jllm.generate.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A statement of a template: text, or what stands between {@code {%} and {@code %}}. */
sealed interface Statement {
  /** Where it stands in the template, from 1. */
  int line();

  record Text(String text, int line) implements Statement {}

  record Print(List<Expression> values, int line) implements Statement {}

  /** The branches of an {@code if}: the last body is that of {@code else}. */
  record If(List<Expression> conditions, List<List<Statement>> bodies, int line)
      implements Statement {}

  record For(
      Target target,
      Expression iterable,
      @Nullable Expression condition,
      boolean recursive,
      List<Statement> body,
      List<Statement> otherwise,
      int line)
      implements Statement {}

  record Break(int line) implements Statement {}

  record Continue(int line) implements Statement {}

  record Set(Target target, Expression value, int line) implements Statement {}

  /** Assigns rendered text, or what a filter makes of it. */
  record SetBlock(Target target, @Nullable Expression filter, List<Statement> body, int line)
      implements Statement {}

  record FilterBlock(Expression filter, List<Statement> body, int line) implements Statement {}

  record With(List<Target> targets, List<Expression> values, List<Statement> body, int line)
      implements Statement {}

  record MacroDefinition(MacroBody macro, int line) implements Statement {}

  /** Calls a macro with the body as its {@code caller}. */
  record CallBlock(MacroBody caller, Expression.Call call, int line) implements Statement {}

  /** Text that the assistant wrote, for masks. */
  record Generation(List<Statement> body, int line) implements Statement {}

  /** A named block of template inheritance, which is rendered where it stands. */
  record Block(boolean scoped, List<Statement> body, int line) implements Statement {}

  /** {@code include}, {@code import}, {@code extends}: there is nothing that they could load. */
  record Load(int line) implements Statement {}

  /** {@code autoescape}: only switching it off is supported, which it is anyway. */
  record Autoescape(Expression enabled, List<Statement> body, int line) implements Statement {}

  /**
   * A macro as written.
   *
   * @param defaults of the last parameters
   * @param mentioned which of {@code caller}, {@code kwargs} and {@code varargs} its body uses
   */
  record MacroBody(
      @Nullable String name,
      List<String> parameters,
      List<Expression> defaults,
      java.util.Set<String> mentioned,
      List<Statement> body) {}
}
