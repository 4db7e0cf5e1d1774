package jllm.tensor.cuda;

/** There is no such device, or what drives it is missing; the message says what and where. */
public final class DeviceUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1;

  DeviceUnavailableException(String message) {
    super(message);
  }
}
