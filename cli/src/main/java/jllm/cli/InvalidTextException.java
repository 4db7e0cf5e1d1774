package jllm.cli;

/** A text that is not in the encoding it should be in. */
final class InvalidTextException extends RuntimeException {
  private static final long serialVersionUID = 1;

  InvalidTextException(String message) {
    super(message);
  }
}
