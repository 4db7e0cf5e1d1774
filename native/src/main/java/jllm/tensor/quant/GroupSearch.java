package jllm.tensor.quant;

/**
 * The expensive part of encoding a K type: for each group of values, the scale (and minimum) with
 * which small integers come closest to them, by least squares. Several ways to divide the range of
 * a group into integers are tried; for each, the best scale and minimum follow from sums.
 *
 * <p>The plain implementation defines the results. Others compute the same, bit for bit: each sum
 * runs over the values of a group in their order, in single precision, without fused operations;
 * divisions by a scale are products with {@link #inverse}.
 *
 * <p>Groups follow each other: group g is {@code x[at + g * length ...]}. Values must be finite.
 */
public interface GroupSearch {

  /** Groups whose values differ by less hold a single value: no scale could be stored. */
  float NEGLIGIBLE = 1e-15f;

  /**
   * What is tried.
   *
   * @param first by how many steps the range of the first division is wider than the integers
   * @param step from one division to the next
   * @param count of divisions
   * @param refinements divisions that follow from the best scale and minimum so far
   */
  record Grid(float first, float step, int count, int refinements) {}

  /**
   * Fits {@code scale * q - minimum}, q in 0..limit, scale and minimum not negative.
   *
   * @param means receives the mean of the integers of each group
   */
  void affine(
      float[] x,
      int at,
      int groups,
      int length,
      int limit,
      Grid grid,
      float[] scales,
      float[] minima,
      float[] means);

  /** The squared error of each group when it is stored with these scales and minima. */
  void affineErrors(
      float[] x,
      int at,
      int groups,
      int length,
      int limit,
      float[] scales,
      float[] minima,
      float[] errors);

  /** Writes {@code q = (x + minimum) / scale}, rounded, within 0..limit; 0 for a scale of 0. */
  void affineQuants(
      float[] x,
      int at,
      int groups,
      int length,
      int limit,
      float[] scales,
      float[] minima,
      byte[] quants);

  /** Fits {@code scale * q}, q in -limit..limit - 1; a scale has either sign. */
  void symmetric(float[] x, int at, int groups, int length, int limit, Grid grid, float[] scales);

  /** The squared error of each group when it is stored with these scales. */
  void symmetricErrors(
      float[] x, int at, int groups, int length, int limit, float[] scales, float[] errors);

  /**
   * Writes {@code q = x / scale}, rounded, within -limit..limit - 1, plus {@code limit}; that of 0
   * for a scale of 0.
   */
  void symmetricQuants(
      float[] x, int at, int groups, int length, int limit, float[] scales, byte[] quants);

  /** {@code 1 / scale}, or 0 where that is not finite. */
  static float inverse(float scale) {
    return Rounding.inverse(scale);
  }

  /** The plain implementation. */
  static GroupSearch plain() {
    return ScalarGroupSearch.INSTANCE;
  }
}
