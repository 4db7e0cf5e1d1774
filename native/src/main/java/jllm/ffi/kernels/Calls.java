package jllm.ffi.kernels;

/** What is the same for all calls of method handles. */
final class Calls {
  private Calls() {}

  /** A call into C declares no checked exception; what the JVM throws at it passes through. */
  static RuntimeException unexpected(Throwable e) {
    if (e instanceof RuntimeException runtime) {
      throw runtime;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(e);
  }
}
