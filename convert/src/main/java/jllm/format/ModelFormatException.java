package jllm.format;

/**
 * A model file that is damaged or that this program does not support. The message names the file,
 * what was found and expected.
 */
public final class ModelFormatException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public ModelFormatException(String message) {
    super(message);
  }

  public ModelFormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
