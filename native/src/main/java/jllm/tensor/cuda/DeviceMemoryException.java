package jllm.tensor.cuda;

/** The device has not enough memory left; the process goes on. */
public final class DeviceMemoryException extends OutOfMemoryError {
  private static final long serialVersionUID = 1;

  DeviceMemoryException(String message) {
    super(message);
  }
}
