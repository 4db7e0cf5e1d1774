package jllm.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The product of two square matrices, timed.
 *
 * @param device such as {@code cpu} or {@code cuda:0}
 * @param precision f32, tf32 or bf16
 * @param side rows and columns
 * @param seconds of each repetition
 * @param peakFlops that the device can do at this precision; NaN if not known
 */
public record ProductMeasurement(
    String device, String precision, int side, double[] seconds, double peakFlops) {

  /** Of the repetitions. */
  public double median() {
    double[] sorted = seconds.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** From the fastest to the slowest repetition, as a share of the median. */
  public double spread() {
    double least = Arrays.stream(seconds).min().orElse(Double.NaN);
    double most = Arrays.stream(seconds).max().orElse(Double.NaN);
    return (most - least) / median();
  }

  public double flops() {
    return 2.0 * side * side * side / median();
  }

  public double shareOfPeak() {
    return flops() / peakFlops;
  }

  /** For JSON. */
  public Map<String, Object> record() {
    Map<String, Object> record = new LinkedHashMap<>();
    record.put("device", device);
    record.put("precision", precision);
    record.put("n", side);
    record.put("seconds", Arrays.stream(seconds).boxed().toList());
    record.put("median_seconds", median());
    record.put("spread", spread());
    record.put("flops", flops());
    if (!Double.isNaN(peakFlops)) {
      record.put("peak_flops", peakFlops);
      record.put("share_of_peak", shareOfPeak());
    }
    return record;
  }
}
