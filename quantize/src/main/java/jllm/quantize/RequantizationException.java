package jllm.quantize;

/** A tensor is quantized already and may not be again. */
public final class RequantizationException extends RuntimeException {
  private static final long serialVersionUID = 1;

  RequantizationException(String message) {
    super(message);
  }
}
