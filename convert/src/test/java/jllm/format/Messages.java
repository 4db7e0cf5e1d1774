package jllm.format;

import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.function.Executable;

/** What a user would read. */
public final class Messages {
  private Messages() {}

  /** The message of the exception that a call throws, which must be of the given class. */
  public static <T extends Throwable> String of(Class<T> expected, Executable call) {
    return String.valueOf(Assertions.assertThrows(expected, call).getMessage());
  }
}
