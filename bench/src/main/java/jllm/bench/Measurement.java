package jllm.bench;

import java.util.Arrays;

/**
 * The repetitions of a workload.
 *
 * @param nanos of each repetition
 */
public record Measurement(Workload workload, long[] nanos) {

  /** Mean of the repetitions' tokens per second, as llama-bench reports it. */
  public double tokensPerSecond() {
    return Arrays.stream(rates()).average().orElse(Double.NaN);
  }

  /** Sample standard deviation of the repetitions' tokens per second, 0 for a single one. */
  public double deviation() {
    double[] rates = rates();
    double mean = tokensPerSecond();
    double squares = Arrays.stream(rates).map(rate -> (rate - mean) * (rate - mean)).sum();
    return rates.length < 2 ? 0 : Math.sqrt(squares / (rates.length - 1));
  }

  private double[] rates() {
    return Arrays.stream(nanos).mapToDouble(time -> workload.tokens() / (time / 1e9)).toArray();
  }
}
