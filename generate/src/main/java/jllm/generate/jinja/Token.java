package jllm.generate.jinja;

/**
 * A piece of a template.
 *
 * @param value the text of data, the name or operator, or the value of a literal
 * @param line from 1
 */
record Token(Kind kind, Object value, int line) {
  enum Kind {
    DATA("template data / text"),
    PRINT_BEGIN("begin of print statement"),
    PRINT_END("end of print statement"),
    BLOCK_BEGIN("begin of statement block"),
    BLOCK_END("end of statement block"),
    NAME("name"),
    STRING("string"),
    INTEGER("integer"),
    FLOAT("float"),
    OPERATOR("operator"),
    END("end of template");

    private final String description;

    Kind(String description) {
      this.description = description;
    }
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && value.equals(operator);
  }

  boolean isName(String name) {
    return kind == Kind.NAME && value.equals(name);
  }

  /** For messages. */
  String describe() {
    return kind == Kind.NAME || kind == Kind.OPERATOR ? value.toString() : kind.description;
  }

  static String describe(Kind kind) {
    return kind.description;
  }
}
