package jllm.generate.jinja;

/** A text that is no template: found while it is parsed, before anything is rendered. */
public final class TemplateSyntaxException extends TemplateException {
  private static final long serialVersionUID = 1;

  TemplateSyntaxException(String message, int line) {
    super(message, line);
  }
}
