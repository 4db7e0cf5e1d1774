package jllm.tokenize.stream;

/** A text that would have to be held whole to be encoded, and is too long for that. */
public final class UncuttableTextException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public UncuttableTextException(String message) {
    super(message);
  }
}
