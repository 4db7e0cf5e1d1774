package jllm.ffi.cuda;

/** A call of one of NVIDIA's libraries failed. */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int code;

  /**
   * @param function that failed
   * @param error the library's own name of the error, and its explanation
   */
  CudaException(String function, int code, String error) {
    super(function + " failed: " + error);
    this.code = code;
  }

  /** What the function returned. */
  public int code() {
    return code;
  }
}
