package jllm.train;

/** The learning rate of each step of a run. */
public final class Schedule {
  private final ScheduleOptions options;
  private final long steps;

  /**
   * @param steps of the whole run
   */
  public Schedule(ScheduleOptions options, long steps) {
    this.options = options;
    this.steps = steps;
  }

  /** The learning rate of a step, counted from 0. */
  public double rate(long step) {
    double max = options.maxRate();
    double min = options.minRate();
    long warmup = options.warmup();
    if (step < warmup) {
      return max * (step + 1) / (warmup + 1);
    }
    double done = Math.clamp((double) (step - warmup) / Math.max(1, steps - warmup), 0.0, 1.0);
    return switch (options.kind()) {
      case CONSTANT -> max;
      case LINEAR -> max - (max - min) * done;
      case COSINE -> min + 0.5 * (max - min) * (1 + Math.cos(Math.PI * done));
      case WSD -> {
        double decay = Math.max(1, options.decayFraction() * steps);
        double left = Math.max(0, steps - step) / decay;
        yield left >= 1 ? max : min + (max - min) * left;
      }
    };
  }
}
