package jllm.tensor.quant;

/**
 * The 16 values that the nibbles of IQ4_NL and IQ4_XS stand for: denser around 0, as weights are.
 */
public final class Iq4 {
  /** Elements that share a scale. */
  static final int GROUP = 32;

  private static final byte[] VALUES = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  static final int SMALLEST = -127;
  static final int LARGEST = 113;

  /** The root mean square of the values. */
  static final float DEVIATION;

  /** The nibble of the nearest value, for each half step from the smallest to the largest. */
  private static final byte[] NEAREST = new byte[2 * (LARGEST - SMALLEST) + 1];

  static {
    double squares = 0;
    for (byte value : VALUES) {
      squares += value * value;
    }
    DEVIATION = (float) Math.sqrt(squares / VALUES.length);
    for (int half = 0, nibble = 0; half < NEAREST.length; half++) {
      // All numbers of a half step have the same nearest value: middles are at multiples of 1/2.
      double middle = SMALLEST + half / 2.0 + 0.25;
      while (nibble < 15 && middle > (VALUES[nibble] + VALUES[nibble + 1]) / 2.0) {
        nibble++;
      }
      NEAREST[half] = (byte) nibble;
    }
  }

  /** Divisions of the range that are tried on each side, in steps of {@link #STEP}. */
  private static final int TRIES = 16;

  private static final float STEP = 2;

  /** How often a scale is improved by the choice of values that follows from it. */
  private static final int REFINEMENTS = 2;

  private Iq4() {}

  /** What a nibble stands for. */
  public static int value(int nibble) {
    return VALUES[nibble];
  }

  /** The nibble whose value is nearest. */
  static int nearest(float value) {
    float inside = Math.max(SMALLEST, Math.min(LARGEST, value));
    return NEAREST[(int) (2 * (inside - SMALLEST))];
  }

  /**
   * The scale, of either sign, with which the values come closest to a group, by least squares: the
   * largest of the group is put at several places around either end of the range.
   */
  static float scale(float[] x, int at) {
    float largest = Rounding.largest(x, at, GROUP);
    if (!(Math.abs(largest) > GroupSearch.NEGLIGIBLE)) {
      return 0;
    }
    float scale = 0;
    float bestGain = 0;
    for (int t = 0; t < 2 * TRIES + REFINEMENTS; t++) {
      float end =
          t < TRIES ? SMALLEST + (TRIES / 4 - t) * STEP : LARGEST + (t - TRIES - TRIES / 4) * STEP;
      float inverse = t < 2 * TRIES ? end / largest : 1 / scale;
      float sumQQ = 0;
      float sumXQ = 0;
      for (int i = 0; i < GROUP; i++) {
        float q = VALUES[nearest(x[at + i] * inverse)];
        sumQQ += q * q;
        sumXQ += x[at + i] * q;
      }
      float gain = sumXQ / sumQQ * sumXQ;
      if (gain > bestGain) {
        bestGain = gain;
        scale = sumXQ / sumQQ;
      }
    }
    return scale;
  }

  /** The squared error of a group stored with a scale. */
  static float error(float[] x, int at, float scale) {
    float inverse = Rounding.inverse(scale);
    float sum = 0;
    for (int i = 0; i < GROUP; i++) {
      float error = scale * VALUES[nearest(x[at + i] * inverse)] - x[at + i];
      sum += error * error;
    }
    return sum;
  }
}
