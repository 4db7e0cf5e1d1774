package jllm.format;

import jllm.tensor.RopePairing;

/** How a model knows the order of its tokens. */
public sealed interface PositionConfig {

  /** A trained vector per position, added to the embedding (GPT-2). */
  record Learned(int positions) implements PositionConfig {}

  /** The sines and cosines of Vaswani et al. 2017, section 3.5, added to the embedding. */
  record Sinusoidal() implements PositionConfig {}

  /**
   * Rotary position embedding (Su et al. 2021).
   *
   * @param base theta
   * @param localBase theta of layers with a window (Gemma 3); equal to base elsewhere
   * @param dimensions components of a head that are turned, even, at most the head's
   * @param scaling context extension; not applied to local layers with a base of their own
   */
  record Rope(
      double base, double localBase, int dimensions, RopePairing pairing, RopeScaling scaling)
      implements PositionConfig {

    /**
     * Radians per position for each of the dimensions/2 pairs, for a session of {@code context}
     * positions.
     */
    public double[] frequencies(boolean local, int context) {
      double theta = local ? localBase : base;
      double[] frequencies = new double[dimensions / 2];
      for (int pair = 0; pair < frequencies.length; pair++) {
        frequencies[pair] = Math.pow(theta, -2.0 * pair / dimensions);
      }
      return local && localBase != base ? frequencies : scaling.scale(frequencies, this, context);
    }

    /** The factor on the turned components, see {@link RopeScaling#magnitude}. */
    public float magnitude(boolean local, int context) {
      return local && localBase != base ? 1 : scaling.magnitude(context);
    }
  }
}
