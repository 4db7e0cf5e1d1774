package jllm.tensor.quant;

/** {@link GroupSearch} in plain loops, one group after the other. */
final class ScalarGroupSearch implements GroupSearch {
  static final ScalarGroupSearch INSTANCE = new ScalarGroupSearch();

  private ScalarGroupSearch() {}

  @Override
  public void affine(
      float[] x,
      int at,
      int groups,
      int length,
      int limit,
      Grid grid,
      float[] scales,
      float[] minima,
      float[] means) {
    for (int g = 0; g < groups; g++) {
      affineGroup(x, at + g * length, length, limit, grid, g, scales, minima, means);
    }
  }

  private static void affineGroup(
      float[] x,
      int at,
      int length,
      int limit,
      Grid grid,
      int g,
      float[] scales,
      float[] minima,
      float[] means) {
    float low = Math.min(0, Rounding.min(x, at, length));
    float range = Rounding.max(x, at, length) - low;
    // Everything is computed from the differences to the smallest value: y = scale * q + shift.
    float scale = 0;
    float shift = 0;
    float mean = 0;
    float bestError = 0;
    float sumY = 0;
    for (int i = 0; i < length; i++) {
      sumY += x[at + i] - low;
    }
    int tries = range > NEGLIGIBLE ? grid.count() + grid.refinements() : 0;
    for (int t = 0; t < tries; t++) {
      boolean refine = t >= grid.count();
      float inverse =
          refine ? GroupSearch.inverse(scale) : (limit + grid.first() + t * grid.step()) / range;
      float start = refine ? shift : 0;
      float sumQ = 0;
      float sumQQ = 0;
      float sumYQ = 0;
      for (int i = 0; i < length; i++) {
        float y = x[at + i] - low;
        float q = Rounding.nearest(Math.max(0, Math.min(limit, (y - start) * inverse)));
        sumQ += q;
        sumQQ += q * q;
        sumYQ += y * q;
      }
      // The minimum that is stored cannot be negative: shift <= -low. If all q are the same, any
      // shift would do.
      float determinant = length * sumQQ - sumQ * sumQ;
      float wanted = determinant > 0 ? (sumQQ * sumY - sumQ * sumYQ) / determinant : 0;
      float newShift = Math.min(-low, wanted);
      float newScale = (sumYQ - newShift * sumQ) / sumQQ;
      float error =
          newScale * (newScale * sumQQ + 2 * (newShift * sumQ - sumYQ))
              + newShift * (length * newShift - 2 * sumY);
      if (newScale > 0 && error < bestError) {
        bestError = error;
        scale = newScale;
        shift = newShift;
        mean = sumQ / length;
      }
    }
    scales[g] = scale;
    minima[g] = -(low + shift);
    means[g] = mean;
  }

  @Override
  public void affineErrors(
      float[] x,
      int at,
      int groups,
      int length,
      int limit,
      float[] scales,
      float[] minima,
      float[] errors) {
    for (int g = 0; g < groups; g++) {
      float inverse = GroupSearch.inverse(scales[g]);
      float sum = 0;
      for (int i = 0; i < length; i++) {
        float value = x[at + g * length + i];
        float q = Rounding.nearest(Math.max(0, Math.min(limit, (value + minima[g]) * inverse)));
        float error = q * scales[g] - minima[g] - value;
        sum += error * error;
      }
      errors[g] = sum;
    }
  }

  @Override
  public void affineQuants(
      float[] x,
      int at,
      int groups,
      int length,
      int limit,
      float[] scales,
      float[] minima,
      byte[] quants) {
    for (int g = 0; g < groups; g++) {
      float inverse = GroupSearch.inverse(scales[g]);
      for (int i = g * length; i < (g + 1) * length; i++) {
        float q = (x[at + i] + minima[g]) * inverse;
        quants[i] = (byte) Rounding.nearest(Math.max(0, Math.min(limit, q)));
      }
    }
  }

  @Override
  public void symmetric(
      float[] x, int at, int groups, int length, int limit, Grid grid, float[] scales) {
    for (int g = 0; g < groups; g++) {
      scales[g] = symmetricScale(x, at + g * length, length, limit, grid);
    }
  }

  private static float symmetricScale(float[] x, int at, int length, int limit, Grid grid) {
    float largest = Rounding.largest(x, at, length);
    float scale = 0;
    float bestGain = 0;
    int tries = Math.abs(largest) > NEGLIGIBLE ? grid.count() + grid.refinements() : 0;
    for (int t = 0; t < tries; t++) {
      // The integers reach further on the negative side: the largest value goes there.
      float inverse =
          t >= grid.count()
              ? GroupSearch.inverse(scale)
              : -(limit + grid.first() + t * grid.step()) / largest;
      float sumQQ = 0;
      float sumXQ = 0;
      for (int i = 0; i < length; i++) {
        float value = x[at + i];
        float q = Rounding.nearest(Math.max(-limit, Math.min(limit - 1, value * inverse)));
        sumQQ += q * q;
        sumXQ += value * q;
      }
      float newScale = sumXQ / sumQQ;
      float gain = newScale * sumXQ;
      if (gain > bestGain) {
        bestGain = gain;
        scale = newScale;
      }
    }
    return scale;
  }

  @Override
  public void symmetricErrors(
      float[] x, int at, int groups, int length, int limit, float[] scales, float[] errors) {
    for (int g = 0; g < groups; g++) {
      float inverse = GroupSearch.inverse(scales[g]);
      float sum = 0;
      for (int i = 0; i < length; i++) {
        float value = x[at + g * length + i];
        float q = Rounding.nearest(Math.max(-limit, Math.min(limit - 1, value * inverse)));
        float error = q * scales[g] - value;
        sum += error * error;
      }
      errors[g] = sum;
    }
  }

  @Override
  public void symmetricQuants(
      float[] x, int at, int groups, int length, int limit, float[] scales, byte[] quants) {
    for (int g = 0; g < groups; g++) {
      float inverse = GroupSearch.inverse(scales[g]);
      for (int i = g * length; i < (g + 1) * length; i++) {
        float q = Math.max(-limit, Math.min(limit - 1, x[at + i] * inverse));
        quants[i] = (byte) (Rounding.nearest(q) + limit);
      }
    }
  }
}
