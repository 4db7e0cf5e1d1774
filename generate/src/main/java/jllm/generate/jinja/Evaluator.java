package jllm.generate.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.generate.jinja.Expression.CallArguments;
import org.jspecify.annotations.Nullable;

/** Computes the values of expressions. */
final class Evaluator {
  private static final int DEEPEST = 2000;

  private int depth;

  Object evaluate(Expression expression, Scope scope) {
    if (++depth > DEEPEST) {
      depth--;
      throw new TemplateException("maximum recursion depth exceeded");
    }
    try {
      return compute(expression, scope);
    } catch (TemplateException e) {
      e.at(expression.line());
      throw e;
    } finally {
      depth--;
    }
  }

  private Object compute(Expression expression, Scope scope) {
    return switch (expression) {
      case Expression.Constant constant -> constant.value();
      case Expression.Variable variable -> {
        Object value = scope.get(variable.name());
        yield value == null ? Undefined.variable(variable.name()) : value;
      }
      case Expression.ListLiteral list -> new ListValue(all(list.items(), scope));
      case Expression.TupleLiteral tuple -> new Tuple(all(tuple.items(), scope));
      case Expression.DictLiteral literal -> dict(literal, scope);
      case Expression.Attribute attribute ->
          Members.attribute(evaluate(attribute.owner(), scope), attribute.name());
      case Expression.Item item -> item(item, scope);
      case Expression.Slice slice ->
          Tuple.of(
              bound(slice.start(), scope), bound(slice.stop(), scope), bound(slice.step(), scope));
      case Expression.Call call -> call(call, scope, null);
      case Expression.Filter filter -> {
        Object value = evaluate(filter.value(), scope);
        yield Filters.apply(filter.name(), value, arguments(filter.arguments(), scope));
      }
      case Expression.Test test -> {
        Object value = evaluate(test.value(), scope);
        yield Tests.apply(test.name(), value, arguments(test.arguments(), scope));
      }
      case Expression.Unary unary -> {
        Object operand = evaluate(unary.operand(), scope);
        yield unary.operator().equals("not")
            ? (Object) !Values.truth(operand)
            : Arithmetic.unary(unary.operator(), operand);
      }
      case Expression.Binary binary -> binary(binary, scope);
      case Expression.Comparison comparison -> compare(comparison, scope);
      case Expression.Concatenation concatenation -> {
        StringBuilder text = new StringBuilder();
        concatenation.parts().forEach(part -> text.append(Repr.str(evaluate(part, scope))));
        yield text.toString();
      }
      case Expression.Conditional conditional -> choose(conditional, scope);
      case Expression.Captured _ -> Interpreter.captured(scope);
    };
  }

  private List<Object> all(List<Expression> expressions, Scope scope) {
    List<Object> values = new ArrayList<>(expressions.size());
    expressions.forEach(expression -> values.add(evaluate(expression, scope)));
    return values;
  }

  private Dict dict(Expression.DictLiteral literal, Scope scope) {
    Dict dict = new Dict();
    for (int i = 0; i < literal.keys().size(); i++) {
      Object key = evaluate(literal.keys().get(i), scope);
      dict.put(key, evaluate(literal.values().get(i), scope));
    }
    return dict;
  }

  private Object item(Expression.Item item, Scope scope) {
    Object owner = evaluate(item.owner(), scope);
    if (item.index() instanceof Expression.Slice slice) {
      return Slices.slice(
          owner,
          bound(slice.start(), scope),
          bound(slice.stop(), scope),
          bound(slice.step(), scope));
    }
    return Members.item(owner, evaluate(item.index(), scope));
  }

  private Object bound(@Nullable Expression bound, Scope scope) {
    return bound == null ? None.NONE : evaluate(bound, scope);
  }

  /**
   * Calls a function.
   *
   * @param caller a further argument of that name, absent outside of {@code call} blocks
   */
  Object call(Expression.Call call, Scope scope, @Nullable Macro caller) {
    Object function = evaluate(call.function(), scope);
    Arguments arguments = arguments(call.arguments(), scope);
    if (caller != null) {
      arguments = arguments.with("caller", caller);
    }
    Undefined.refuse(function);
    if (!(function instanceof Function callable)) {
      throw new TemplateException("'" + Values.typeName(function) + "' object is not callable");
    }
    return callable.call(arguments);
  }

  private Arguments arguments(CallArguments written, Scope scope) {
    if (written.equals(CallArguments.NONE)) {
      return Arguments.NONE;
    }
    List<Object> positional = all(written.positional(), scope);
    Map<String, Object> named = new LinkedHashMap<>();
    for (int i = 0; i < written.names().size(); i++) {
      named.put(written.names().get(i), evaluate(written.named().get(i), scope));
    }
    if (written.list() != null) {
      Object list = evaluate(written.list(), scope);
      Values.iterate(list).forEachRemaining(positional::add);
    }
    if (written.dict() != null) {
      Object dict = evaluate(written.dict(), scope);
      Undefined.refuse(dict);
      if (!(dict instanceof Dict more)) {
        throw new TemplateException(
            "argument after ** must be a mapping, not " + Values.typeName(dict));
      }
      for (Dict.Item item : more.items()) {
        if (!Values.isString(item.key())) {
          throw new TemplateException("keywords must be strings");
        }
        String name = Values.text(item.key());
        if (named.put(name, item.value()) != null) {
          throw new TemplateException("got multiple values for keyword argument '" + name + "'");
        }
      }
    }
    return new Arguments(positional, named);
  }

  private Object binary(Expression.Binary binary, Scope scope) {
    Object left = evaluate(binary.left(), scope);
    return switch (binary.operator()) {
      case "and" -> Values.truth(left) ? evaluate(binary.right(), scope) : left;
      case "or" -> Values.truth(left) ? left : evaluate(binary.right(), scope);
      default -> Arithmetic.apply(binary.operator(), left, evaluate(binary.right(), scope));
    };
  }

  private Object compare(Expression.Comparison comparison, Scope scope) {
    Object left = evaluate(comparison.operands().getFirst(), scope);
    for (int i = 0; i < comparison.operators().size(); i++) {
      Object right = evaluate(comparison.operands().get(i + 1), scope);
      if (!compare(left, comparison.operators().get(i), right)) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private static boolean compare(Object left, String operator, Object right) {
    return switch (operator) {
      case "==" -> Values.equal(left, right);
      case "!=" -> !Values.equal(left, right);
      case "in" -> Values.contains(right, left);
      case "not in" -> !Values.contains(right, left);
      default -> Values.compare(left, operator, right);
    };
  }

  private Object choose(Expression.Conditional conditional, Scope scope) {
    if (Values.truth(evaluate(conditional.condition(), scope))) {
      return evaluate(conditional.then(), scope);
    }
    return conditional.otherwise() == null
        ? new Undefined(
            "the inline if-expression on line "
                + conditional.line()
                + " evaluated to false and no else section was defined.")
        : evaluate(conditional.otherwise(), scope);
  }
}
