package jllm.generate.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** An expression of a template. */
sealed interface Expression {
  /** Where it stands in the template, from 1. */
  int line();

  record Constant(Object value, int line) implements Expression {}

  record Variable(String name, int line) implements Expression {}

  record ListLiteral(List<Expression> items, int line) implements Expression {}

  record TupleLiteral(List<Expression> items, int line) implements Expression {}

  record DictLiteral(List<Expression> keys, List<Expression> values, int line)
      implements Expression {}

  record Attribute(Expression owner, String name, int line) implements Expression {}

  record Item(Expression owner, Expression index, int line) implements Expression {}

  /** Each bound may be absent. */
  record Slice(
      @Nullable Expression start, @Nullable Expression stop, @Nullable Expression step, int line)
      implements Expression {}

  record Call(Expression function, CallArguments arguments, int line) implements Expression {}

  record Filter(Expression value, String name, CallArguments arguments, int line)
      implements Expression {}

  record Test(Expression value, String name, CallArguments arguments, int line)
      implements Expression {}

  record Unary(String operator, Expression operand, int line) implements Expression {}

  record Binary(String operator, Expression left, Expression right, int line)
      implements Expression {}

  /** {@code a < b < c}: the operators between the operands. */
  record Comparison(List<Expression> operands, List<String> operators, int line)
      implements Expression {}

  record Concatenation(List<Expression> parts, int line) implements Expression {}

  record Conditional(
      Expression condition, Expression then, @Nullable Expression otherwise, int line)
      implements Expression {}

  /** The text inside a block that a filter is applied to. */
  record Captured(int line) implements Expression {}

  /** The arguments of a call as written, with {@code *list} and {@code **dict}. */
  record CallArguments(
      List<Expression> positional,
      List<String> names,
      List<Expression> named,
      @Nullable Expression list,
      @Nullable Expression dict) {
    static final CallArguments NONE =
        new CallArguments(List.of(), List.of(), List.of(), null, null);
  }
}
