package jllm.generate.chat;

/** A turn of the assistant whose place in a rendered conversation cannot be found. */
public final class UnknownTurnException extends RuntimeException {
  private static final long serialVersionUID = 1;

  UnknownTurnException(String message) {
    super(message);
  }
}
