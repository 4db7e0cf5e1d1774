package jllm.generate.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import jllm.generate.jinja.Expression.CallArguments;
import org.jspecify.annotations.Nullable;

/** Parses expressions, by recursive descent. Precedence is Jinja's, which differs from Python's. */
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final int DEEPEST = 200;

  private final TokenStream stream;
  private final Mentions mentions;
  private int depth;

  ExpressionParser(TokenStream stream, Mentions mentions) {
    this.stream = stream;
    this.mentions = mentions;
  }

  /** An expression. */
  Expression expression() {
    return expression(true);
  }

  private Expression expression(boolean conditional) {
    if (++depth > DEEPEST) {
      throw stream.fail("expressions are nested deeper than " + DEEPEST + " levels");
    }
    Expression parsed = conditional ? conditional() : or();
    depth--;
    return parsed;
  }

  /**
   * An expression, or several with commas between, which are a tuple.
   *
   * @param conditional whether {@code a if b} may stand here
   * @param end the name that ends it besides the end of a tag
   */
  Expression tuple(boolean conditional, @Nullable String end) {
    return tuple(conditional, end, false);
  }

  private Expression tuple(boolean conditional, @Nullable String end, boolean parenthesized) {
    int line = stream.current().line();
    List<Expression> items = new ArrayList<>();
    boolean several = false;
    while (true) {
      if (!items.isEmpty()) {
        stream.expectOperator(",");
      }
      if (isTupleEnd(end)) {
        break;
      }
      items.add(expression(conditional));
      if (!stream.isOperator(",")) {
        break;
      }
      several = true;
    }
    if (!several && !items.isEmpty()) {
      return items.getFirst();
    }
    if (!several && !parenthesized) {
      throw stream.fail("Expected an expression, got " + Repr.quoted(stream.current().describe()));
    }
    return new Expression.TupleLiteral(items, line);
  }

  boolean isTupleEnd(@Nullable String end) {
    return stream.is(Token.Kind.PRINT_END)
        || stream.is(Token.Kind.BLOCK_END)
        || stream.isOperator(")")
        || end != null && stream.isName(end);
  }

  private Expression conditional() {
    int line = stream.current().line();
    int mark = mentions.mark();
    Expression expression = or();
    while (stream.skipName("if")) {
      Expression condition = or();
      Expression otherwise = stream.skipName("else") ? conditional() : null;
      expression = new Expression.Conditional(condition, expression, otherwise, line);
      mentions.forgiveSince(mark);
    }
    return expression;
  }

  private Expression or() {
    Expression left = and();
    while (stream.isName("or")) {
      int line = stream.next().line();
      left = new Expression.Binary("or", left, and(), line);
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (stream.isName("and")) {
      int line = stream.next().line();
      left = new Expression.Binary("and", left, not(), line);
    }
    return left;
  }

  private Expression not() {
    if (!stream.isName("not")) {
      return comparison();
    }
    int line = stream.next().line();
    if (++depth > DEEPEST) {
      throw stream.fail("expressions are nested deeper than " + DEEPEST + " levels");
    }
    Expression operand = not();
    depth--;
    return new Expression.Unary("not", operand, line);
  }

  private Expression comparison() {
    int line = stream.current().line();
    Expression first = sum();
    List<Expression> operands = new ArrayList<>(List.of(first));
    List<String> operators = new ArrayList<>();
    while (true) {
      if (stream.is(Token.Kind.OPERATOR) && COMPARISONS.contains(stream.current().value())) {
        operators.add((String) stream.next().value());
      } else if (stream.skipName("in")) {
        operators.add("in");
      } else if (stream.isName("not") && stream.ahead().isName("in")) {
        stream.next();
        stream.next();
        operators.add("not in");
      } else {
        break;
      }
      operands.add(sum());
    }
    return operators.isEmpty() ? first : new Expression.Comparison(operands, operators, line);
  }

  private Expression sum() {
    Expression left = concatenation();
    while (stream.isOperator("+") || stream.isOperator("-")) {
      Token operator = stream.next();
      left =
          new Expression.Binary((String) operator.value(), left, concatenation(), operator.line());
    }
    return left;
  }

  private Expression concatenation() {
    int line = stream.current().line();
    List<Expression> parts = new ArrayList<>(List.of(product()));
    while (stream.skipOperator("~")) {
      parts.add(product());
    }
    return parts.size() == 1 ? parts.getFirst() : new Expression.Concatenation(parts, line);
  }

  private Expression product() {
    Expression left = power();
    while (stream.isOperator("*")
        || stream.isOperator("/")
        || stream.isOperator("//")
        || stream.isOperator("%")) {
      Token operator = stream.next();
      left = new Expression.Binary((String) operator.value(), left, power(), operator.line());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary(true);
    while (stream.isOperator("**")) {
      int line = stream.next().line();
      left = new Expression.Binary("**", left, unary(true), line);
    }
    return left;
  }

  private Expression unary(boolean filters) {
    Token token = stream.current();
    Expression node;
    if (token.isOperator("-") || token.isOperator("+")) {
      stream.next();
      if (++depth > DEEPEST) {
        throw stream.fail("expressions are nested deeper than " + DEEPEST + " levels");
      }
      node = new Expression.Unary((String) token.value(), unary(false), token.line());
      depth--;
    } else {
      node = primary();
    }
    node = postfix(node);
    return filters ? filtersAndTests(node) : node;
  }

  private Expression primary() {
    Token token = stream.next();
    return switch (token.kind()) {
      case NAME -> name(token);
      case STRING -> {
        StringBuilder text = new StringBuilder((String) token.value());
        while (stream.is(Token.Kind.STRING)) {
          text.append(stream.next().value());
        }
        yield new Expression.Constant(text.toString(), token.line());
      }
      case INTEGER, FLOAT -> new Expression.Constant(token.value(), token.line());
      default -> bracketed(token);
    };
  }

  private Expression bracketed(Token token) {
    if (token.isOperator("(")) {
      Expression inside = tuple(true, null, true);
      stream.expectOperator(")");
      return inside;
    }
    if (token.isOperator("[")) {
      return list(token.line());
    }
    if (token.isOperator("{")) {
      return dict(token.line());
    }
    throw new TemplateSyntaxException("unexpected " + Repr.quoted(token.describe()), token.line());
  }

  private Expression name(Token token) {
    String name = (String) token.value();
    return switch (name) {
      case "true", "True" -> new Expression.Constant(true, token.line());
      case "false", "False" -> new Expression.Constant(false, token.line());
      case "none", "None" -> new Expression.Constant(None.NONE, token.line());
      default -> {
        mentions.variable(name);
        yield new Expression.Variable(name, token.line());
      }
    };
  }

  private Expression list(int line) {
    List<Expression> items = new ArrayList<>();
    while (!stream.isOperator("]")) {
      if (!items.isEmpty()) {
        stream.expectOperator(",");
        if (stream.isOperator("]")) {
          break;
        }
      }
      items.add(expression());
    }
    stream.expectOperator("]");
    return new Expression.ListLiteral(items, line);
  }

  private Expression dict(int line) {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!stream.isOperator("}")) {
      if (!keys.isEmpty()) {
        stream.expectOperator(",");
        if (stream.isOperator("}")) {
          break;
        }
      }
      keys.add(expression());
      stream.expectOperator(":");
      values.add(expression());
    }
    stream.expectOperator("}");
    return new Expression.DictLiteral(keys, values, line);
  }

  private Expression postfix(Expression start) {
    Expression node = start;
    while (true) {
      if (stream.isOperator(".")) {
        node = attribute(node);
      } else if (stream.isOperator("[")) {
        node = item(node);
      } else if (stream.isOperator("(")) {
        int line = stream.current().line();
        node = new Expression.Call(node, arguments(), line);
      } else {
        return node;
      }
    }
  }

  private Expression filtersAndTests(Expression start) {
    Expression node = start;
    while (true) {
      if (stream.isOperator("|")) {
        node = filters(node);
      } else if (stream.isName("is")) {
        node = test(node);
      } else if (stream.isOperator("(")) {
        int line = stream.current().line();
        node = new Expression.Call(node, arguments(), line);
      } else {
        return node;
      }
    }
  }

  private Expression attribute(Expression owner) {
    int line = stream.next().line();
    Token name = stream.next();
    return switch (name.kind()) {
      case NAME -> new Expression.Attribute(owner, (String) name.value(), line);
      case INTEGER -> new Expression.Item(owner, new Expression.Constant(name.value(), line), line);
      default -> throw new TemplateSyntaxException("expected name or number", name.line());
    };
  }

  private Expression item(Expression owner) {
    int line = stream.next().line();
    List<Expression> indexes = new ArrayList<>();
    while (!stream.isOperator("]")) {
      if (!indexes.isEmpty()) {
        stream.expectOperator(",");
      }
      indexes.add(index());
    }
    stream.expectOperator("]");
    Expression index =
        indexes.size() == 1 ? indexes.getFirst() : new Expression.TupleLiteral(indexes, line);
    return new Expression.Item(owner, index, line);
  }

  private Expression index() {
    int line = stream.current().line();
    Expression start = null;
    if (!stream.isOperator(":")) {
      start = expression();
      if (!stream.isOperator(":")) {
        return start;
      }
    }
    stream.next();
    Expression stop = bound();
    Expression step = stream.skipOperator(":") ? bound() : null;
    return new Expression.Slice(start, stop, step, line);
  }

  private @Nullable Expression bound() {
    return stream.isOperator(":") || stream.isOperator("]") || stream.isOperator(",")
        ? null
        : expression();
  }

  private CallArguments arguments() {
    int line = stream.expectOperator("(").line();
    List<Expression> positional = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<Expression> named = new ArrayList<>();
    Expression list = null;
    Expression dict = null;
    boolean comma = false;
    while (!stream.isOperator(")")) {
      if (comma) {
        stream.expectOperator(",");
        if (stream.isOperator(")")) {
          break;
        }
      }
      comma = true;
      if (stream.isOperator("*")) {
        check(list == null && dict == null, line);
        stream.next();
        list = expression();
      } else if (stream.isOperator("**")) {
        check(dict == null, line);
        stream.next();
        dict = expression();
      } else if (stream.is(Token.Kind.NAME) && stream.ahead().isOperator("=")) {
        check(dict == null, line);
        names.add((String) stream.next().value());
        stream.next();
        named.add(expression());
      } else {
        check(list == null && dict == null && named.isEmpty(), line);
        positional.add(expression());
      }
    }
    stream.expectOperator(")");
    return new CallArguments(positional, names, named, list, dict);
  }

  private static void check(boolean valid, int line) {
    if (!valid) {
      throw new TemplateSyntaxException("invalid syntax for function call expression", line);
    }
  }

  /** The filters behind a value. */
  Expression filters(Expression value) {
    Expression node = value;
    while (stream.skipOperator("|")) {
      node = filter(node);
    }
    return node;
  }

  /** One filter, without the bar before it. */
  Expression filter(Expression value) {
    int line = stream.current().line();
    String name = dotted();
    mentions.filter(name, line);
    CallArguments arguments = stream.isOperator("(") ? arguments() : CallArguments.NONE;
    return new Expression.Filter(value, name, arguments, line);
  }

  private String dotted() {
    StringBuilder name = new StringBuilder((String) stream.expectName().value());
    while (stream.skipOperator(".")) {
      name.append('.').append(stream.expectName().value());
    }
    return name.toString();
  }

  private Expression test(Expression value) {
    int line = stream.next().line();
    boolean negated = stream.skipName("not");
    String name = dotted();
    mentions.test(name, line);
    CallArguments arguments = CallArguments.NONE;
    if (stream.isOperator("(")) {
      arguments = arguments();
    } else if (beginsOperand()) {
      if (stream.isName("is")) {
        throw stream.fail("You cannot chain multiple tests with is");
      }
      arguments = new CallArguments(List.of(postfix(primary())), List.of(), List.of(), null, null);
    }
    Expression test = new Expression.Test(value, name, arguments, line);
    return negated ? new Expression.Unary("not", test, line) : test;
  }

  private boolean beginsOperand() {
    return switch (stream.current().kind()) {
      case NAME -> !stream.isName("else") && !stream.isName("or") && !stream.isName("and");
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> stream.isOperator("[") || stream.isOperator("{");
      default -> false;
    };
  }
}
