package jllm.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import jllm.tensor.DType;
import jllm.tensor.cpu.MachineLimits;

/**
 * A product of weights [outputs, columns] of a type with some rows, timed.
 *
 * @param set of kernels
 * @param seconds of the fastest repetition
 */
public record KernelMeasurement(
    String set, DType type, int rows, long outputs, long columns, double seconds) {

  /** Of weights, which are read once at best. */
  public double bytesPerSecond() {
    return type.bytes(columns) * outputs / seconds;
  }

  public double flops() {
    return 2.0 * rows * outputs * columns / seconds;
  }

  /**
   * The time that reading the weights, or multiplying in float32, takes at least, by that which it
   * took: above 1 where integers are faster than float32.
   */
  public double shareOfLimit(MachineLimits limits) {
    return Math.max(bytesPerSecond() / limits.readBytesPerSecond(), flops() / limits.flops());
  }

  /** For JSON. */
  public Map<String, Object> record(MachineLimits limits) {
    Map<String, Object> record = new LinkedHashMap<>();
    record.put("kernels", set);
    record.put("type", type.name());
    record.put("rows", rows);
    record.put("seconds", seconds);
    record.put("bytes_per_second", bytesPerSecond());
    record.put("flops", flops());
    record.put("share_of_limit", shareOfLimit(limits));
    return record;
  }
}
