package jllm.format.values;

import java.io.IOException;
import java.lang.foreign.Arena;
import jllm.format.StoredTensor;
import org.jspecify.annotations.Nullable;

/**
 * Statistics of a tensor's values as they decode. Values that are not finite are counted, and
 * belong to nothing else. All are NaN where no value is finite.
 *
 * @param deviation the standard deviation of the values themselves (not of a sample)
 * @param zeros how many of the finite values are zero
 * @param nonFinite infinities and NaNs
 */
public record TensorStatistics(
    long elements,
    double min,
    double max,
    double mean,
    double deviation,
    long zeros,
    long nonFinite) {

  /**
   * Reads a whole tensor.
   *
   * @return absent for types that hold no real numbers, or that this program does not decode
   * @throws IOException if the file cannot be read
   */
  public static @Nullable TensorStatistics of(StoredTensor tensor) throws IOException {
    if (tensor.dtype() == null || !TensorValues.areReal(tensor.dtype())) {
      return null;
    }
    try (Arena arena = Arena.ofShared()) {
      return of(TensorValues.of(tensor, arena));
    }
  }

  static TensorStatistics of(TensorValues values) {
    Sums sums = new Sums();
    for (Sums chunk : TensorValues.forChunks(values.elements(), from -> Sums.of(values, from))) {
      sums.add(chunk);
    }
    boolean none = sums.count == 0;
    return new TensorStatistics(
        values.elements(),
        none ? Double.NaN : sums.min,
        none ? Double.NaN : sums.max,
        none ? Double.NaN : sums.mean,
        none ? Double.NaN : Math.sqrt(sums.squares / sums.count),
        sums.zeros,
        values.elements() - sums.count);
  }

  /** Of the values, the share that is zero. */
  public double zeroShare() {
    return elements == 0 ? 0 : (double) zeros / elements;
  }

  /** Mean and squared distances from it, of parts that are joined (Chan et al. 1979). */
  private static final class Sums {
    private long count;
    private long zeros;
    private double min = Double.POSITIVE_INFINITY;
    private double max = Double.NEGATIVE_INFINITY;
    private double mean;

    /** Sum of the squared differences from the mean. */
    private double squares;

    static Sums of(TensorValues values, long from) {
      int length = (int) Math.min(TensorValues.CHUNK, values.elements() - from);
      float[] chunk = new float[length];
      values.read(from, length, chunk);
      Sums sums = new Sums();
      double total = 0;
      for (float value : chunk) {
        if (Float.isFinite(value)) {
          sums.count++;
          sums.zeros += value == 0 ? 1 : 0;
          sums.min = Math.min(sums.min, value);
          sums.max = Math.max(sums.max, value);
          total += value;
        }
      }
      sums.mean = sums.count == 0 ? 0 : total / sums.count;
      for (float value : chunk) {
        double difference = value - sums.mean;
        sums.squares += Float.isFinite(value) ? difference * difference : 0;
      }
      return sums;
    }

    void add(Sums other) {
      if (other.count == 0) {
        return;
      }
      long total = count + other.count;
      double difference = other.mean - mean;
      squares += other.squares + difference * difference * count / total * other.count;
      mean += difference * other.count / total;
      min = Math.min(min, other.min);
      max = Math.max(max, other.max);
      zeros += other.zeros;
      count = total;
    }
  }
}
