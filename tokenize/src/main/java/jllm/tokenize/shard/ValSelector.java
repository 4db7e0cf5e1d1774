package jllm.tokenize.shard;

/**
 * Which units of a corpus go to the validation split. The n-th unit covers the interval [n f, (n+1)
 * f) of a line with one random point between any two whole numbers, and goes there if it covers a
 * point: so of any 1/f units in a row about one does, at a place that only the seed decides.
 */
final class ValSelector {
  private final double fraction;
  private final long seed;
  private long unit;

  ValSelector(double fraction, long seed) {
    this.fraction = fraction;
    this.seed = seed;
  }

  /** Whether the next unit goes to the validation split. */
  boolean next() {
    double from = unit * fraction;
    double to = ++unit * fraction;
    long cell = (long) from;
    double point = point(cell);
    double nextPoint = point(cell + 1);
    return from <= point && point < to || from <= nextPoint && nextPoint < to;
  }

  private double point(long cell) {
    return cell + (mix(seed ^ mix(cell)) >>> 11) * 0x1p-53;
  }

  /** The finalizer of SplitMix64 (Steele, Lea and Flood 2014). */
  private static long mix(long z) {
    z += 0x9E3779B97F4A7C15L;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }
}
