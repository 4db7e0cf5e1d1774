package jllm.generate.perplexity;

/** A mean of values that come one by one, and how sure it is (Welford 1962). */
final class RunningMean {
  private long count;
  private double mean;
  private double squares;

  void add(double value) {
    count++;
    double before = value - mean;
    mean += before / count;
    squares += before * (value - mean);
  }

  long count() {
    return count;
  }

  double mean() {
    return mean;
  }

  /**
   * The standard error of the mean, as if the values were independent; 0 of a single one. The
   * variance is the population's and is divided by n - 1, as llama.cpp does.
   */
  double standardError() {
    return count < 2 ? 0 : Math.sqrt(squares / count / (count - 1));
  }

  Estimate estimate() {
    return new Estimate(mean(), standardError());
  }

  /** e to the mean; the error is that of first order. */
  Estimate exponential() {
    double value = Math.exp(mean());
    return new Estimate(value, value * standardError());
  }
}
