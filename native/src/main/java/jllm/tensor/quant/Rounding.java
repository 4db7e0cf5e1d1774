package jllm.tensor.quant;

/** The steps that ggml's reference encoders consist of, and ours share. */
final class Rounding {
  /** 1.5 * 2^23: next to it, floats are integers. */
  static final float INTEGERS = 0x1.8p23f;

  private Rounding() {}

  /** C's {@code roundf}, for values that fit an int. */
  static int halfAwayFromZero(float value) {
    // The sum is exact in double precision: 0.49999997f + 0.5f would round up to 1.
    return (int) (value + Math.copySign(0.5, value));
  }

  /** {@code 1/d}, or 0 where that is not finite: the scale of a block of zeros or next to it. */
  static float inverse(float d) {
    float inverse = 1 / d;
    return Float.isFinite(inverse) ? inverse : 0;
  }

  /** The smallest of {@code count} values. */
  static float min(float[] values, int at, int count) {
    float min = values[at];
    for (int i = 1; i < count; i++) {
      min = values[at + i] < min ? values[at + i] : min; // of 0 and -0, the first
    }
    return min;
  }

  /** The largest of {@code count} values. */
  static float max(float[] values, int at, int count) {
    float max = values[at];
    for (int i = 1; i < count; i++) {
      max = values[at + i] > max ? values[at + i] : max;
    }
    return max;
  }

  /** The first of the values of largest magnitude, with its sign; 0 if all are. */
  static float largest(float[] values, int at, int count) {
    float largest = 0;
    for (int i = 0; i < count; i++) {
      if (Math.abs(values[at + i]) > Math.abs(largest)) {
        largest = values[at + i];
      }
    }
    return largest;
  }

  /** C's {@code nearbyint}: to nearest, ties to even, for magnitudes below 2^22. */
  static float nearest(float value) {
    return value + INTEGERS - INTEGERS;
  }

  /** The nearest F16, but not 0 unless the value is: integers can make up for a step too large. */
  static short scaleToHalf(float value) {
    short half = Float.floatToFloat16(value);
    boolean lost = (half & 0x7fff) == 0 && value != 0;
    return lost ? (short) (half | 1) : half;
  }
}
