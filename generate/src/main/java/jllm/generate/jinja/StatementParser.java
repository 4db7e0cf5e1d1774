package jllm.generate.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Parses a template. */
final class StatementParser {
  private static final int DEEPEST = 100;

  private final TokenStream stream;
  private final Mentions mentions = new Mentions();
  private final ExpressionParser expressions;

  /** The tags that are open, and what may end each of them, innermost first. */
  private final Deque<String> tags = new ArrayDeque<>();

  private final Deque<List<String>> ends = new ArrayDeque<>();
  private int loops;

  private StatementParser(String template) {
    stream = new TokenStream(Lexer.tokens(template));
    expressions = new ExpressionParser(stream, mentions);
  }

  static List<Statement> parse(String template) {
    StatementParser parser = new StatementParser(template);
    List<Statement> body = parser.statements();
    parser.mentions.check();
    return body;
  }

  /** Statements up to a tag that ends them, which becomes the current token, or to the end. */
  private List<Statement> statements() {
    List<Statement> body = new ArrayList<>();
    while (true) {
      Token token = stream.current();
      switch (token.kind()) {
        case DATA -> {
          stream.next();
          body.add(new Statement.Text((String) token.value(), token.line()));
        }
        case PRINT_BEGIN -> {
          stream.next();
          Expression value = expressions.tuple(true, null);
          stream.expect(Token.Kind.PRINT_END);
          body.add(new Statement.Print(List.of(value), token.line()));
        }
        case BLOCK_BEGIN -> {
          stream.next();
          if (!ends.isEmpty()
              && stream.is(Token.Kind.NAME)
              && ends.element().contains((String) stream.current().value())) {
            return body;
          }
          body.add(statement());
          stream.expect(Token.Kind.BLOCK_END);
        }
        default -> {
          if (!ends.isEmpty()) {
            throw unclosed(null);
          }
          return body;
        }
      }
    }
  }

  /** The statements of a tag, to one of the given ends, which becomes the current token. */
  private List<Statement> body(String... end) {
    stream.skipOperator(":");
    stream.expect(Token.Kind.BLOCK_END);
    if (ends.size() == DEEPEST) {
      throw stream.fail("blocks are nested deeper than " + DEEPEST + " levels");
    }
    ends.push(List.of(end));
    List<Statement> body = statements();
    ends.pop();
    return body;
  }

  /** As {@link #body}, going past the end. */
  private List<Statement> bodyPast(String end) {
    List<Statement> body = body(end);
    stream.next();
    return body;
  }

  private Statement statement() {
    Token tag = stream.current();
    if (tag.kind() != Token.Kind.NAME) {
      throw stream.fail("tag name expected");
    }
    String name = (String) tag.value();
    if (!isKnown(name)) {
      throw unclosed(name);
    }
    stream.next();
    tags.push(name);
    Statement statement = statement(name, tag.line());
    tags.pop();
    return statement;
  }

  private static boolean isKnown(String name) {
    return switch (name) {
      case "if",
          "for",
          "set",
          "macro",
          "call",
          "filter",
          "with",
          "generation",
          "break",
          "continue",
          "print",
          "block",
          "autoescape",
          "include",
          "import",
          "from",
          "extends" ->
          true;
      default -> false;
    };
  }

  private Statement statement(String name, int line) {
    return switch (name) {
      case "if" -> condition(line);
      case "for" -> loop(line);
      case "set" -> assignment(line);
      case "macro" -> macro(line);
      case "call" -> callBlock(line);
      case "filter" -> {
        Expression filter = expressions.filters(expressions.filter(new Expression.Captured(line)));
        yield new Statement.FilterBlock(filter, unguarded("endfilter"), line);
      }
      case "with" -> with(line);
      case "generation" -> new Statement.Generation(function("endgeneration"), line);
      case "break" -> inLoop(name, new Statement.Break(line));
      case "continue" -> inLoop(name, new Statement.Continue(line));
      case "print" -> print(line);
      case "block" -> block(line);
      case "autoescape" ->
          new Statement.Autoescape(expressions.expression(), bodyPast("endautoescape"), line);
      default -> {
        // Whatever follows: there is nothing to load from.
        while (!stream.is(Token.Kind.BLOCK_END) && !stream.is(Token.Kind.END)) {
          stream.next();
        }
        yield new Statement.Load(line);
      }
    };
  }

  private Statement inLoop(String name, Statement statement) {
    if (loops == 0) {
      throw new TemplateSyntaxException(
          name.equals("break") ? "'break' outside loop" : "'continue' not properly in loop",
          statement.line());
    }
    return statement;
  }

  /** A body in a scope of its own, which a condition around it does not guard. */
  private List<Statement> unguarded(String end) {
    boolean before = mentions.guard(false);
    List<Statement> body = bodyPast(end);
    mentions.guard(before);
    return body;
  }

  /** As {@link #unguarded}; loops around it cannot be left from inside. */
  private List<Statement> function(String end) {
    int around = loops;
    loops = 0;
    List<Statement> body = unguarded(end);
    loops = around;
    return body;
  }

  private Statement condition(int line) {
    boolean before = mentions.guard(true);
    List<Expression> conditions = new ArrayList<>();
    List<List<Statement>> bodies = new ArrayList<>();
    String next = "elif";
    while (next.equals("elif")) {
      conditions.add(expressions.tuple(false, null));
      bodies.add(body("elif", "else", "endif"));
      next = (String) stream.next().value();
    }
    bodies.add(next.equals("else") ? bodyPast("endif") : List.of());
    mentions.guard(before);
    return new Statement.If(conditions, bodies, line);
  }

  private Statement loop(int line) {
    Target target = target("in", false);
    stream.expectName("in");
    Expression iterable = expressions.tuple(false, "recursive");
    boolean before = mentions.guard(false);
    Expression condition = stream.skipName("if") ? expressions.expression() : null;
    boolean recursive = stream.skipName("recursive");
    loops++;
    List<Statement> body = body("endfor", "else");
    loops--;
    List<Statement> otherwise = stream.next().isName("else") ? bodyPast("endfor") : List.of();
    mentions.guard(before);
    if (names(target).contains("loop")) {
      throw new TemplateSyntaxException(
          "Can't assign to special loop variable in for-loop target", line);
    }
    return new Statement.For(target, iterable, condition, recursive, body, otherwise, line);
  }

  private static List<String> names(Target target) {
    return switch (target) {
      case Target.Name name -> List.of(name.name());
      case Target.Attribute _ -> List.of();
      case Target.Several several ->
          several.targets().stream().flatMap(part -> names(part).stream()).toList();
    };
  }

  private Statement assignment(int line) {
    Target target = target(null, true);
    if (stream.skipOperator("=")) {
      return new Statement.Set(target, expressions.tuple(true, null), line);
    }
    Expression filter =
        stream.isOperator("|") ? expressions.filters(new Expression.Captured(line)) : null;
    return new Statement.SetBlock(target, filter, unguarded("endset"), line);
  }

  /**
   * What is assigned to: a name or several.
   *
   * @param end the name behind it
   * @param namespaces whether attributes of namespaces may be assigned to
   */
  private Target target(@Nullable String end, boolean namespaces) {
    List<Target> targets = new ArrayList<>();
    boolean several = false;
    while (true) {
      if (!targets.isEmpty()) {
        stream.expectOperator(",");
      }
      if (expressions.isTupleEnd(end) || stream.isOperator("=")) {
        break;
      }
      targets.add(oneTarget(namespaces));
      if (!stream.isOperator(",")) {
        break;
      }
      several = true;
    }
    if (targets.isEmpty()) {
      throw stream.fail("Expected an expression, got " + Repr.quoted(stream.current().describe()));
    }
    return several ? new Target.Several(targets) : targets.getFirst();
  }

  private Target oneTarget(boolean namespaces) {
    if (stream.skipOperator("(")) {
      Target inside = target(null, false);
      stream.expectOperator(")");
      return inside;
    }
    Token token = stream.current();
    if (token.kind() != Token.Kind.NAME) {
      throw stream.fail(
          switch (token.kind()) {
            case STRING, INTEGER, FLOAT -> "can't assign to 'const'";
            default -> "unexpected " + Repr.quoted(token.describe());
          });
    }
    stream.next();
    String name = (String) token.value();
    if (namespaces && stream.skipOperator(".")) {
      return new Target.Attribute(name, (String) stream.expectName().value());
    }
    if (List.of("true", "false", "none", "True", "False", "None").contains(name)) {
      throw new TemplateSyntaxException("can't assign to 'const'", token.line());
    }
    return new Target.Name(name);
  }

  private Statement macro(int line) {
    String name = (String) stream.expectName().value();
    Signature signature = signature();
    return new Statement.MacroDefinition(macroBody(name, signature, "endmacro"), line);
  }

  private record Signature(List<String> parameters, List<Expression> defaults) {}

  private Signature signature() {
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    stream.expectOperator("(");
    while (!stream.isOperator(")")) {
      if (!parameters.isEmpty()) {
        stream.expectOperator(",");
      }
      parameters.add((String) stream.expectName().value());
      if (stream.skipOperator("=")) {
        defaults.add(expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw stream.fail("non-default argument follows default argument");
      }
    }
    stream.expectOperator(")");
    return new Signature(parameters, defaults);
  }

  private Statement.MacroBody macroBody(@Nullable String name, Signature signature, String end) {
    mentions.enterMacro();
    List<Statement> body = function(end);
    return new Statement.MacroBody(
        name, signature.parameters(), signature.defaults(), mentions.leaveMacro(), body);
  }

  private Statement callBlock(int line) {
    Signature signature =
        stream.isOperator("(") ? signature() : new Signature(List.of(), List.of());
    if (!(expressions.expression() instanceof Expression.Call call)) {
      throw new TemplateSyntaxException("expected call", line);
    }
    return new Statement.CallBlock(macroBody(null, signature, "endcall"), call, line);
  }

  private Statement with(int line) {
    List<Target> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!stream.is(Token.Kind.BLOCK_END)) {
      if (!targets.isEmpty()) {
        stream.expectOperator(",");
      }
      targets.add(target(null, false));
      stream.expectOperator("=");
      values.add(expressions.expression());
    }
    return new Statement.With(targets, values, unguarded("endwith"), line);
  }

  private Statement print(int line) {
    List<Expression> values = new ArrayList<>();
    while (!stream.is(Token.Kind.BLOCK_END)) {
      if (!values.isEmpty()) {
        stream.expectOperator(",");
      }
      values.add(expressions.expression());
    }
    return new Statement.Print(values, line);
  }

  private Statement block(int line) {
    String name = (String) stream.expectName().value();
    boolean scoped = stream.skipName("scoped");
    stream.skipName("required");
    List<Statement> body = function("endblock");
    stream.skipName(name);
    return new Statement.Block(scoped, body, line);
  }

  /** A tag that nothing knows here, or the end of the template where one is open. */
  private TemplateSyntaxException unclosed(@Nullable String tag) {
    StringBuilder message =
        new StringBuilder(
            tag == null ? "Unexpected end of template." : "Encountered unknown tag '" + tag + "'.");
    if (!ends.isEmpty()) {
      String expected =
          ends.element().stream().map(Repr::quoted).collect(Collectors.joining(" or "));
      if (tag != null && ends.stream().anyMatch(end -> end.contains(tag))) {
        message
            .append(" You probably made a nesting mistake. Jinja is expecting this tag,")
            .append(" but currently looking for ")
            .append(expected)
            .append('.');
      } else {
        message.append(" Jinja was looking for the following tags: ").append(expected).append('.');
      }
    }
    if (!tags.isEmpty()) {
      message
          .append(" The innermost block that needs to be closed is '")
          .append(tags.element())
          .append("'.");
    }
    return stream.fail(message.toString());
  }
}
