package jllm.ffi.kernels;

/** There is no library of native CPU kernels that works here; the message says why. */
public final class MissingKernelsException extends RuntimeException {
  private static final long serialVersionUID = 1;

  MissingKernelsException(String message) {
    super(message);
  }
}
