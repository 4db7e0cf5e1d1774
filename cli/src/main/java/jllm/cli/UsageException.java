package jllm.cli;

/** Options or arguments that make no sense together, found out while a command runs. */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1;

  UsageException(String message) {
    super(message);
  }
}
