package jllm.format;

import java.util.Arrays;

/**
 * Context extensions of rotary position embedding: each changes the frequencies, some also the
 * magnitude.
 */
public sealed interface RopeScaling {

  /**
   * The scaled frequencies.
   *
   * @param frequencies of the pairs, unscaled; may be changed in place
   * @param context positions of the session
   */
  double[] scale(double[] frequencies, PositionConfig.Rope rope, int context);

  /** A factor on the turned components of queries and keys. */
  default float magnitude(int context) {
    return 1;
  }

  /** No scaling. */
  record None() implements RopeScaling {
    @Override
    public double[] scale(double[] frequencies, PositionConfig.Rope rope, int context) {
      return frequencies;
    }
  }

  /** Position interpolation (Chen et al. 2023): all frequencies divided by {@code factor}. */
  record Linear(double factor) implements RopeScaling {
    @Override
    public double[] scale(double[] frequencies, PositionConfig.Rope rope, int context) {
      for (int pair = 0; pair < frequencies.length; pair++) {
        frequencies[pair] /= factor;
      }
      return frequencies;
    }
  }

  /**
   * Llama 3.1 (the {@code rope_type: llama3} of Hugging Face configurations): long wavelengths are
   * divided by factor, short ones kept, those between blended.
   */
  record Llama3(
      double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalContext)
      implements RopeScaling {
    @Override
    public double[] scale(double[] frequencies, PositionConfig.Rope rope, int context) {
      for (int pair = 0; pair < frequencies.length; pair++) {
        double wavelength = 2 * Math.PI / frequencies[pair];
        double smooth =
            (originalContext / wavelength - lowFrequencyFactor)
                / (highFrequencyFactor - lowFrequencyFactor);
        double kept = Math.clamp(smooth, 0.0, 1.0);
        frequencies[pair] *= (1 - kept) / factor + kept;
      }
      return frequencies;
    }
  }

  /**
   * A divisor per pair, and another set for sessions longer than the original context: {@code
   * rope_freqs.weight} of GGUF files (one set), and the short and long factors of Phi-3 (LongRoPE,
   * Ding et al. 2024).
   *
   * @param originalContext sessions of more positions use longDivisors
   * @param magnitude see {@link RopeScaling#magnitude}
   */
  record Divisors(float[] shortDivisors, float[] longDivisors, int originalContext, float magnitude)
      implements RopeScaling {
    @Override
    public double[] scale(double[] frequencies, PositionConfig.Rope rope, int context) {
      float[] divisors = context > originalContext ? longDivisors : shortDivisors;
      if (divisors.length != frequencies.length) {
        throw new IllegalArgumentException(
            divisors.length + " rope factors for " + frequencies.length + " pairs of components");
      }
      for (int pair = 0; pair < frequencies.length; pair++) {
        frequencies[pair] /= divisors[pair];
      }
      return frequencies;
    }

    @Override
    public float magnitude(int context) {
      return magnitude;
    }

    /** Whether sessions of all lengths have the same divisors. */
    public boolean sameForAllLengths() {
      return Arrays.equals(shortDivisors, longDivisors);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Divisors that
          && Arrays.equals(shortDivisors, that.shortDivisors)
          && Arrays.equals(longDivisors, that.longDivisors)
          && originalContext == that.originalContext
          && magnitude == that.magnitude;
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(shortDivisors) * 31 + originalContext;
    }

    @Override
    public String toString() {
      return "Divisors[%s, %s, originalContext=%d, magnitude=%s]"
          .formatted(
              Arrays.toString(shortDivisors),
              Arrays.toString(longDivisors),
              originalContext,
              magnitude);
    }
  }

  /**
   * YaRN (Peng et al. 2023, section 3.2): pairs that turn often are kept, those that turn seldom
   * interpolated, with a ramp between.
   *
   * @param betaFast turns within the original context above which a pair is kept, usually 32
   * @param betaSlow turns below which it is interpolated, usually 1
   * @param attentionFactor the magnitude, usually {@code 0.1 ln(factor) + 1}
   */
  record Yarn(
      double factor, int originalContext, double betaFast, double betaSlow, float attentionFactor)
      implements RopeScaling {
    /** The magnitude that the paper gives for an extension by {@code factor} (equation 22). */
    public static double magnitudeOf(double factor) {
      return factor > 1 ? 0.1 * Math.log(factor) + 1 : 1;
    }

    @Override
    public double[] scale(double[] frequencies, PositionConfig.Rope rope, int context) {
      double low = Math.max(0, Math.floor(pairOfTurns(betaFast, rope)));
      double high = Math.min(rope.dimensions() - 1, Math.ceil(pairOfTurns(betaSlow, rope)));
      for (int pair = 0; pair < frequencies.length; pair++) {
        double interpolated = Math.clamp((pair - low) / Math.max(0.001, high - low), 0.0, 1.0);
        frequencies[pair] *= interpolated / factor + (1 - interpolated);
      }
      return frequencies;
    }

    /**
     * The (fractional) index of the pair that makes {@code turns} turns within the original
     * context.
     */
    private double pairOfTurns(double turns, PositionConfig.Rope rope) {
      return rope.dimensions()
          * Math.log(originalContext / (turns * 2 * Math.PI))
          / (2 * Math.log(rope.base()));
    }

    @Override
    public float magnitude(int context) {
      return attentionFactor;
    }
  }
}
