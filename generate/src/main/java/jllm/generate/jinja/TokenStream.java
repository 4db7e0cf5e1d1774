package jllm.generate.jinja;

import java.util.List;

/** The tokens of a template, one of them the current one. */
final class TokenStream {
  private final List<Token> tokens;
  private int position;

  TokenStream(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(position);
  }

  Token next() {
    Token token = current();
    if (position < tokens.size() - 1) {
      position++;
    }
    return token;
  }

  /** The token after the current one. */
  Token ahead() {
    return tokens.get(Math.min(position + 1, tokens.size() - 1));
  }

  boolean is(Token.Kind kind) {
    return current().kind() == kind;
  }

  boolean isName(String name) {
    return current().isName(name);
  }

  boolean isOperator(String operator) {
    return current().isOperator(operator);
  }

  boolean skipName(String name) {
    return isName(name) && next() != null;
  }

  boolean skipOperator(String operator) {
    return isOperator(operator) && next() != null;
  }

  Token expectOperator(String operator) {
    return isOperator(operator) ? next() : refuse(operator);
  }

  Token expectName(String name) {
    return isName(name) ? next() : refuse(name);
  }

  /** Any name. */
  Token expectName() {
    return expect(Token.Kind.NAME);
  }

  Token expect(Token.Kind kind) {
    return is(kind) ? next() : refuse(Token.describe(kind));
  }

  private Token refuse(String expected) {
    if (is(Token.Kind.END)) {
      throw fail("unexpected end of template, expected " + Repr.quoted(expected) + ".");
    }
    throw fail(
        "expected token " + Repr.quoted(expected) + ", got " + Repr.quoted(current().describe()));
  }

  TemplateSyntaxException fail(String message) {
    return new TemplateSyntaxException(message, current().line());
  }
}
