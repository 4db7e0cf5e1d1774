package jllm.tensor.quant;

/** The roundings of ggml's reference encoders. */
final class Rounding {
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
}
