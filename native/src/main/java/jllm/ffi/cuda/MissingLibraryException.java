package jllm.ffi.cuda;

/** A native library is not there, or not as it should be; the message says where it was sought. */
public final class MissingLibraryException extends RuntimeException {
  private static final long serialVersionUID = 1;

  MissingLibraryException(String message) {
    super(message);
  }
}
