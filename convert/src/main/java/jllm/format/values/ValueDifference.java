package jllm.format.values;

/**
 * How far the values of one tensor are from those of another. Two NaNs, and two infinities of one
 * sign, are equal; any other value that is not finite is infinitely far from every other.
 *
 * @param greatest difference of two values
 * @param relative root mean square of the differences, relative to that of the first tensor's
 *     values
 */
public record ValueDifference(double greatest, double relative) {
  private static final ValueDifference NONE = new ValueDifference(0, 0);

  /** Whether no value differs. */
  public boolean isZero() {
    return greatest == 0;
  }

  static ValueDifference of(TensorValues a, TensorValues b) {
    double greatest = 0;
    double errors = 0;
    double squares = 0;
    for (double[] chunk : TensorValues.forChunks(a.elements(), from -> chunk(a, b, from))) {
      greatest = Math.max(greatest, chunk[0]);
      errors += chunk[1];
      squares += chunk[2];
    }
    if (greatest == 0) {
      return NONE;
    }
    double relative =
        squares == 0 || greatest == Double.POSITIVE_INFINITY
            ? Double.POSITIVE_INFINITY
            : Math.sqrt(errors / squares);
    return new ValueDifference(greatest, relative);
  }

  /** Greatest difference, sum of squared differences, sum of the first one's squares. */
  private static double[] chunk(TensorValues a, TensorValues b, long from) {
    int length = (int) Math.min(TensorValues.CHUNK, a.elements() - from);
    float[] first = new float[length];
    float[] second = new float[length];
    a.read(from, length, first);
    b.read(from, length, second);
    double greatest = 0;
    double errors = 0;
    double squares = 0;
    for (int i = 0; i < length; i++) {
      double difference = difference(first[i], second[i]);
      greatest = Math.max(greatest, difference);
      errors += difference * difference;
      squares += Float.isFinite(first[i]) ? (double) first[i] * first[i] : 0;
    }
    return new double[] {greatest, errors, squares};
  }

  private static double difference(float a, float b) {
    if (a == b || Float.isNaN(a) && Float.isNaN(b)) {
      return 0;
    }
    return Float.isFinite(a) && Float.isFinite(b)
        ? Math.abs((double) a - b)
        : Double.POSITIVE_INFINITY;
  }
}
