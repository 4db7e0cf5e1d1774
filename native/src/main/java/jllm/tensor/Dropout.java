package jllm.tensor;

/**
 * Which elements dropout sets to zero (Srivastava et al. 2014); the others are divided by {@code 1
 * - probability}. Whether an element stays is a function of the seed, its row and its column alone:
 * kernels keep no state, all backends drop the same elements, and so do the backward pass and a
 * second forward pass.
 *
 * <p>A row has a key of 32 bits ({@link #rowKey}), an element the {@link #hash} of the key and its
 * column; it is dropped if the upper 31 bits of the hash are below {@link #threshold}.
 *
 * @param probability of an element to become zero, 0 up to and without 1
 * @param seed of one operation of one step
 */
public record Dropout(float probability, long seed) {
  private static final long GOLDEN_64 = 0x9E3779B97F4A7C15L;

  /** Columns of a row are this far apart before they are mixed. */
  public static final int COLUMN_STEP = 0x9E3779B9;

  public Dropout {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException(
          "dropout of " + probability + "; expected at least 0 and less than 1");
    }
  }

  /** The factor on elements that stay. */
  public float scale() {
    return 1 / (1 - probability);
  }

  /** Elements whose {@code hash >>> 1} is below it are dropped. */
  public int threshold() {
    return (int) (probability * 0x1p31);
  }

  /** The key of a row. */
  public int rowKey(long row) {
    return key(seed, row);
  }

  /** The upper half of SplitMix64's output number {@code row} (Steele et al. 2014). */
  static int key(long seed, long row) {
    long z = seed + (row + 1) * GOLDEN_64;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return (int) ((z ^ (z >>> 31)) >>> 32);
  }

  /**
   * {@code x = key + column * COLUMN_STEP}, then the mixing function {@code x ^= x >>> 16; x *=
   * 0x21f0aaad; x ^= x >>> 15; x *= 0xd35a2d97; x ^= x >>> 15} (Wellons 2018, "hash prospector"):
   * 32-bit integer arithmetic, which every device has vectors for.
   */
  public static int hash(int key, int column) {
    int x = key + column * COLUMN_STEP;
    x = (x ^ (x >>> 16)) * 0x21f0aaad;
    x = (x ^ (x >>> 15)) * 0xd35a2d97;
    return x ^ (x >>> 15);
  }

  /** Whether the element stays. */
  public boolean keeps(int rowKey, int column) {
    return (hash(rowKey, column) >>> 1) >= threshold();
  }
}
