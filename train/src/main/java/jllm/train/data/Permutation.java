package jllm.train.data;

/**
 * A random order of the numbers below a bound that needs no memory: a Feistel network (Luby and
 * Rackoff 1988) over the next power of four, walked until it lands below the bound (Black and
 * Rogaway 2002).
 */
final class Permutation {
  private static final int ROUNDS = 4;
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private final long count;
  private final int halfBits;
  private final long key;

  /**
   * @param count of the numbers, at least 1
   */
  Permutation(long count, long key) {
    this.count = count;
    this.key = mix(key);
    int bits = Long.SIZE - Long.numberOfLeadingZeros(Math.max(1, count - 1));
    this.halfBits = Math.max(1, (bits + 1) / 2);
  }

  /** The number at a place of the order. */
  long at(long place) {
    long number = place;
    do {
      number = encrypt(number);
    } while (number >= count);
    return number;
  }

  private long encrypt(long number) {
    long mask = (1L << halfBits) - 1;
    long left = number >>> halfBits;
    long right = number & mask;
    for (int round = 0; round < ROUNDS; round++) {
      long next = left ^ (mix(key + right * GOLDEN + round) & mask);
      left = right;
      right = next;
    }
    return left << halfBits | right;
  }

  /** The finalizer of SplitMix64 (Steele et al. 2014). */
  static long mix(long value) {
    long z = value + GOLDEN;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
