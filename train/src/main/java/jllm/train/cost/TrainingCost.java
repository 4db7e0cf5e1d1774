package jllm.train.cost;

/**
 * What training costs by the 6ND rule (Kaplan et al. 2020, section 2.1): six floating-point
 * operations for each parameter and token, two forward and four backward; attention is left out.
 *
 * @param parameters N
 * @param tokens of the data
 * @param epochs passes through them, so that D is tokens * epochs
 */
public record TrainingCost(double parameters, double tokens, double epochs) {
  /** Floating-point operations for each parameter and token. */
  public static final int OPERATIONS = 6;

  /** Years of 365 days. */
  public static final double YEAR_SECONDS = 365 * 86_400.0;

  /** All floating-point operations of the training. */
  public double flops() {
    return OPERATIONS * parameters * tokens * epochs;
  }

  /**
   * How long it takes.
   *
   * @param flopsPerSecond what the machine does
   */
  public double seconds(double flopsPerSecond) {
    return flops() / flopsPerSecond;
  }

  /** As {@link #seconds}, in years. */
  public double years(double flopsPerSecond) {
    return seconds(flopsPerSecond) / YEAR_SECONDS;
  }
}
