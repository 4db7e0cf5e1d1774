package jllm.train;

/**
 * How the learning rate changes over a run.
 *
 * @param maxRate after the warm-up
 * @param minRate at the end (but for constant schedules)
 * @param warmup steps in which the rate rises linearly: step i has (i + 1) / (warmup + 1) of it
 * @param decayFraction share of the steps at the end in which {@link Kind#WSD} decays
 */
public record ScheduleOptions(
    Kind kind, double maxRate, double minRate, long warmup, double decayFraction) {

  /** The shape of a schedule after its warm-up. */
  public enum Kind {
    CONSTANT,
    /** A straight line down to the least rate. */
    LINEAR,
    /** Half a period of a cosine (Loshchilov and Hutter 2017). */
    COSINE,
    /** Constant, then a straight line at the end: warm-up, stable, decay (Hu et al. 2024). */
    WSD
  }

  /** The usual part of a {@link Kind#WSD} schedule that decays. */
  public static final double DECAY_FRACTION = 0.2;

  public ScheduleOptions {
    if (!(maxRate > 0) || Double.isInfinite(maxRate)) {
      throw new SettingsException("a learning rate of " + maxRate + ", expected more than 0");
    }
    if (!(minRate >= 0 && minRate <= maxRate)) {
      throw new SettingsException(
          "a least learning rate of " + minRate + ", expected 0 to the greatest, " + maxRate);
    }
    if (warmup < 0) {
      throw new SettingsException("a warm-up of " + warmup + " steps, expected 0 or more");
    }
    if (!(decayFraction > 0 && decayFraction <= 1)) {
      throw new SettingsException(
          "a decay over " + decayFraction + " of the steps, expected more than 0 and at most 1");
    }
  }

  public static ScheduleOptions constant(double rate) {
    return new ScheduleOptions(Kind.CONSTANT, rate, 0, 0, DECAY_FRACTION);
  }
}
