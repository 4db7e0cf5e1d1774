package jllm.tokenize.train;

/** The distinct words are more than the trainer's tables can hold. */
public final class WordLimitException extends RuntimeException {
  private static final long serialVersionUID = 1;

  WordLimitException(String message) {
    super(message);
  }
}
