package jllm.generate;

/** Checks of settings, so that all messages name setting, found value and range alike. */
final class Requirement {
  private Requirement() {}

  /**
   * @throws IllegalArgumentException unless the value is valid
   */
  static void check(boolean valid, String what, Object found, String range) {
    if (!valid) {
      throw new IllegalArgumentException(what + " is " + found + ", expected " + range);
    }
  }
}
