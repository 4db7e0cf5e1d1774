package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;
import static jllm.tensor.cpu.Lanes.FLOAT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jllm.tensor.quant.BlockEncoder;
import jllm.tensor.quant.GroupSearch;

/**
 * {@link GroupSearch} for as many groups at once as a vector has lanes: their values are brought
 * into columns, so that each lane computes what the plain loops do, in the same order. Groups that
 * do not fill a vector are left to those.
 *
 * <p>It has no state. {@link BlockEncoder#of(jllm.tensor.DType, GroupSearch)} makes encoders of it.
 */
public final class VectorGroupSearch implements GroupSearch {
  private static final int COUNT = Lanes.COUNT;

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
    float[] columns = new float[length * COUNT];
    float[] sums = new float[SearchLoops.SUMS * COUNT];
    int g = 0;
    for (; g + COUNT <= groups; g += COUNT) {
      SearchLoops.columns(x, at + g * length, length, columns);
      affineVector(columns, length, limit, grid, sums, g, scales, minima, means);
    }
    if (g < groups) {
      float[] left = new float[groups - g];
      float[] leftMinima = new float[groups - g];
      float[] leftMeans = new float[groups - g];
      GroupSearch.plain()
          .affine(
              x, at + g * length, left.length, length, limit, grid, left, leftMinima, leftMeans);
      System.arraycopy(left, 0, scales, g, left.length);
      System.arraycopy(leftMinima, 0, minima, g, left.length);
      System.arraycopy(leftMeans, 0, means, g, left.length);
    }
  }

  private static void affineVector(
      float[] columns,
      int length,
      int limit,
      Grid grid,
      float[] sums,
      int g,
      float[] scales,
      float[] minima,
      float[] means) {
    SearchLoops.differences(columns, length, sums);
    FloatVector low = FloatVector.fromArray(FLOAT, sums, 0);
    FloatVector range = FloatVector.fromArray(FLOAT, sums, COUNT);
    FloatVector sumY = FloatVector.fromArray(FLOAT, sums, 2 * COUNT);
    FloatVector zero = FloatVector.zero(FLOAT);
    VectorMask<Float> searched = range.compare(GT, NEGLIGIBLE);
    FloatVector scale = zero;
    FloatVector shift = zero;
    FloatVector mean = zero;
    FloatVector bestError = zero;
    for (int t = 0; t < grid.count() + grid.refinements(); t++) {
      boolean refine = t >= grid.count();
      FloatVector inverse =
          refine
              ? inverse(scale)
              : FloatVector.broadcast(FLOAT, limit + grid.first() + t * grid.step()).div(range);
      SearchLoops.affine(columns, length, limit, inverse, refine ? shift : zero, sums);
      FloatVector sumQ = FloatVector.fromArray(FLOAT, sums, 0);
      FloatVector sumQQ = FloatVector.fromArray(FLOAT, sums, COUNT);
      FloatVector sumYQ = FloatVector.fromArray(FLOAT, sums, 2 * COUNT);
      FloatVector determinant = sumQQ.mul(length).sub(sumQ.mul(sumQ));
      FloatVector wanted =
          zero.blend(
              sumQQ.mul(sumY).sub(sumQ.mul(sumYQ)).div(determinant), determinant.compare(GT, 0));
      FloatVector newShift = low.neg().min(wanted);
      FloatVector newScale = sumYQ.sub(newShift.mul(sumQ)).div(sumQQ);
      FloatVector error =
          newScale
              .mul(newScale.mul(sumQQ).add(newShift.mul(sumQ).sub(sumYQ).mul(2)))
              .add(newShift.mul(newShift.mul(length).sub(sumY.mul(2))));
      VectorMask<Float> better =
          error.compare(LT, bestError).and(newScale.compare(GT, 0)).and(searched);
      bestError = bestError.blend(error, better);
      scale = scale.blend(newScale, better);
      shift = shift.blend(newShift, better);
      mean = mean.blend(sumQ.div(length), better);
    }
    scale.intoArray(scales, g);
    low.add(shift).neg().intoArray(minima, g);
    mean.intoArray(means, g);
  }

  /** As {@link GroupSearch#inverse}. */
  private static FloatVector inverse(FloatVector scale) {
    FloatVector inverse = FloatVector.broadcast(FLOAT, 1).div(scale);
    VectorMask<Float> finite = inverse.abs().compare(LE, Float.MAX_VALUE);
    return FloatVector.zero(FLOAT).blend(inverse, finite);
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
    float[] columns = new float[length * COUNT];
    int g = 0;
    for (; g + COUNT <= groups; g += COUNT) {
      SearchLoops.columns(x, at + g * length, length, columns);
      FloatVector scale = FloatVector.fromArray(FLOAT, scales, g);
      FloatVector minimum = FloatVector.fromArray(FLOAT, minima, g);
      SearchLoops.affineErrors(columns, length, limit, scale, inverse(scale), minimum, errors, g);
    }
    for (; g < groups; g++) {
      float[] scale = {scales[g]};
      float[] minimum = {minima[g]};
      float[] error = new float[1];
      GroupSearch.plain().affineErrors(x, at + g * length, 1, length, limit, scale, minimum, error);
      errors[g] = error[0];
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
      SearchLoops.quants(
          x,
          at + g * length,
          length,
          minima[g],
          GroupSearch.inverse(scales[g]),
          0,
          limit,
          quants,
          g * length);
    }
  }

  @Override
  public void symmetric(
      float[] x, int at, int groups, int length, int limit, Grid grid, float[] scales) {
    float[] columns = new float[length * COUNT];
    float[] sums = new float[SearchLoops.SUMS * COUNT];
    int g = 0;
    for (; g + COUNT <= groups; g += COUNT) {
      SearchLoops.columns(x, at + g * length, length, columns);
      symmetricVector(columns, length, limit, grid, sums).intoArray(scales, g);
    }
    if (g < groups) {
      float[] left = new float[groups - g];
      GroupSearch.plain().symmetric(x, at + g * length, left.length, length, limit, grid, left);
      System.arraycopy(left, 0, scales, g, left.length);
    }
  }

  private static FloatVector symmetricVector(
      float[] columns, int length, int limit, Grid grid, float[] sums) {
    SearchLoops.largest(columns, length, sums);
    FloatVector largest = FloatVector.fromArray(FLOAT, sums, 0);
    VectorMask<Float> searched = largest.abs().compare(GT, NEGLIGIBLE);
    FloatVector scale = FloatVector.zero(FLOAT);
    FloatVector bestGain = scale;
    for (int t = 0; t < grid.count() + grid.refinements(); t++) {
      FloatVector inverse =
          t >= grid.count()
              ? inverse(scale)
              : FloatVector.broadcast(FLOAT, -(limit + grid.first() + t * grid.step()))
                  .div(largest);
      SearchLoops.symmetric(columns, length, limit, inverse, sums);
      FloatVector sumQQ = FloatVector.fromArray(FLOAT, sums, 0);
      FloatVector sumXQ = FloatVector.fromArray(FLOAT, sums, COUNT);
      FloatVector newScale = sumXQ.div(sumQQ);
      FloatVector gain = newScale.mul(sumXQ);
      VectorMask<Float> better = gain.compare(GT, bestGain).and(searched);
      bestGain = bestGain.blend(gain, better);
      scale = scale.blend(newScale, better);
    }
    return scale;
  }

  @Override
  public void symmetricErrors(
      float[] x, int at, int groups, int length, int limit, float[] scales, float[] errors) {
    float[] columns = new float[length * COUNT];
    int g = 0;
    for (; g + COUNT <= groups; g += COUNT) {
      SearchLoops.columns(x, at + g * length, length, columns);
      FloatVector scale = FloatVector.fromArray(FLOAT, scales, g);
      SearchLoops.symmetricErrors(columns, length, limit, scale, inverse(scale), errors, g);
    }
    for (; g < groups; g++) {
      float[] scale = {scales[g]};
      float[] error = new float[1];
      GroupSearch.plain().symmetricErrors(x, at + g * length, 1, length, limit, scale, error);
      errors[g] = error[0];
    }
  }

  @Override
  public void symmetricQuants(
      float[] x, int at, int groups, int length, int limit, float[] scales, byte[] quants) {
    for (int g = 0; g < groups; g++) {
      SearchLoops.quants(
          x,
          at + g * length,
          length,
          0,
          GroupSearch.inverse(scales[g]),
          limit,
          2 * limit - 1,
          quants,
          g * length);
    }
  }
}
