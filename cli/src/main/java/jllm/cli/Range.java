package jllm.cli;

/** Checks of option values, so that all messages name option, found value and range alike. */
final class Range {
  private Range() {}

  /**
   * @throws UsageException if the value is below {@code least}, above {@code most}, or not a number
   */
  static void check(String option, double found, double least, double most) {
    if (!(found >= least && found <= most)) {
      String range =
          most >= Integer.MAX_VALUE ? show(least) + " or more" : show(least) + " to " + show(most);
      throw new UsageException(option + " is " + show(found) + ", expected " + range);
    }
  }

  private static String show(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
