package jllm.generate.jinja;

/**
 * A template that cannot be rendered with the given variables. The message is what Python's Jinja
 * says in this case; if the template itself raised it with {@code raise_exception}, it is the text
 * that the template gave.
 */
public class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final boolean raised;
  private int line;

  TemplateException(String message) {
    this(message, 0, false);
  }

  private TemplateException(String message, int line, boolean raised) {
    super(message);
    this.line = line;
    this.raised = raised;
  }

  TemplateException(String message, int line) {
    this(message, line, false);
  }

  /** What {@code raise_exception} throws. */
  static TemplateException raisedByTemplate(String message) {
    return new TemplateException(message, 0, true);
  }

  /** Whether the template itself refused the variables. */
  public boolean isRaisedByTemplate() {
    return raised;
  }

  /** The line of the template, from 1; 0 if unknown. */
  public int line() {
    return line;
  }

  /** Says where it happened, unless that is known more precisely already. */
  void at(int where) {
    if (line == 0) {
      line = where;
    }
  }
}
