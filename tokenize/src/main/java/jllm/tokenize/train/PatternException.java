package jllm.tokenize.train;

/** A pattern that is no regular expression, or that cannot be run on the text. */
public final class PatternException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  PatternException(String message, Throwable cause) {
    super(message, cause);
  }
}
