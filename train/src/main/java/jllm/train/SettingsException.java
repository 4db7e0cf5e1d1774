package jllm.train;

/** Settings that contradict each other or the data. The message says what to change. */
public final class SettingsException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public SettingsException(String message) {
    super(message);
  }
}
