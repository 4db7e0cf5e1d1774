package jllm.cli;

/** There is no such device, or not enough memory. */
final class ResourceException extends RuntimeException {
  private static final long serialVersionUID = 1;

  ResourceException(String message) {
    super(message);
  }
}
