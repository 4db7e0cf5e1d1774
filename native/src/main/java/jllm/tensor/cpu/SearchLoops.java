package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jllm.tensor.cpu.Lanes.FLOAT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * The loops of {@link VectorGroupSearch}, over the values of as many groups as a vector has lanes:
 * value i of all groups is {@code columns[i * COUNT ...]}.
 *
 * <p>Rounding is an addition: next to 1.5 * 2^23 floats are integers, and their bits, read as
 * integers, are in the same order, so that a limit is one instruction (on floats it is several).
 */
final class SearchLoops {
  /** Vectors of results that a loop may leave. */
  static final int SUMS = 3;

  private static final int COUNT = Lanes.COUNT;
  private static final float INTEGERS = 0x1.8p23f;
  private static final int ZERO = Float.floatToRawIntBits(INTEGERS);

  private SearchLoops() {}

  static void columns(float[] x, int at, int length, float[] columns) {
    for (int lane = 0; lane < COUNT; lane++) {
      for (int i = 0; i < length; i++) {
        columns[i * COUNT + lane] = x[at + lane * length + i];
      }
    }
  }

  /**
   * Takes the smallest value of each group, or 0 if all are larger, from its values.
   *
   * @param sums receives that, the range of the values, the sum of the differences
   */
  static void differences(float[] columns, int length, float[] sums) {
    FloatVector low = FloatVector.fromArray(FLOAT, columns, 0);
    FloatVector high = low;
    for (int i = COUNT; i < length * COUNT; i += COUNT) {
      FloatVector value = FloatVector.fromArray(FLOAT, columns, i);
      low = low.blend(value, value.compare(LT, low));
      high = high.blend(value, value.compare(GT, high));
    }
    low = low.min(0);
    FloatVector sum = FloatVector.zero(FLOAT);
    for (int i = 0; i < length * COUNT; i += COUNT) {
      FloatVector y = FloatVector.fromArray(FLOAT, columns, i).sub(low);
      y.intoArray(columns, i);
      sum = sum.add(y);
    }
    low.intoArray(sums, 0);
    high.sub(low).intoArray(sums, COUNT);
    sum.intoArray(sums, 2 * COUNT);
  }

  /** Sums of q, of its squares, and of its products with the differences. */
  static void affine(
      float[] columns,
      int length,
      int limit,
      FloatVector inverse,
      FloatVector start,
      float[] sums) {
    FloatVector sumQ = FloatVector.zero(FLOAT);
    FloatVector sumQQ = sumQ;
    FloatVector sumYQ = sumQ;
    for (int i = 0; i < length * COUNT; i += COUNT) {
      FloatVector y = FloatVector.fromArray(FLOAT, columns, i);
      IntVector bits = y.sub(start).mul(inverse).add(INTEGERS).reinterpretAsInts();
      FloatVector q = bits.max(ZERO).min(ZERO + limit).reinterpretAsFloats().sub(INTEGERS);
      sumQ = sumQ.add(q);
      sumQQ = sumQQ.add(q.mul(q));
      sumYQ = sumYQ.add(y.mul(q));
    }
    sumQ.intoArray(sums, 0);
    sumQQ.intoArray(sums, COUNT);
    sumYQ.intoArray(sums, 2 * COUNT);
  }

  static void affineErrors(
      float[] columns,
      int length,
      int limit,
      FloatVector scale,
      FloatVector inverse,
      FloatVector minimum,
      float[] errors,
      int g) {
    FloatVector sum = FloatVector.zero(FLOAT);
    for (int i = 0; i < length * COUNT; i += COUNT) {
      FloatVector x = FloatVector.fromArray(FLOAT, columns, i);
      IntVector bits = x.add(minimum).mul(inverse).add(INTEGERS).reinterpretAsInts();
      FloatVector q = bits.max(ZERO).min(ZERO + limit).reinterpretAsFloats().sub(INTEGERS);
      FloatVector error = q.mul(scale).sub(minimum).sub(x);
      sum = sum.add(error.mul(error));
    }
    sum.intoArray(errors, g);
  }

  /** The first of the values of largest magnitude of each group. */
  static void largest(float[] columns, int length, float[] sums) {
    FloatVector largest = FloatVector.zero(FLOAT);
    for (int i = 0; i < length * COUNT; i += COUNT) {
      FloatVector value = FloatVector.fromArray(FLOAT, columns, i);
      VectorMask<Float> larger = value.abs().compare(GT, largest.abs());
      largest = largest.blend(value, larger);
    }
    largest.intoArray(sums, 0);
  }

  /** Sums of the squares of q and of its products with the values. */
  static void symmetric(float[] columns, int length, int limit, FloatVector inverse, float[] sums) {
    FloatVector sumQQ = FloatVector.zero(FLOAT);
    FloatVector sumXQ = sumQQ;
    for (int i = 0; i < length * COUNT; i += COUNT) {
      FloatVector x = FloatVector.fromArray(FLOAT, columns, i);
      IntVector bits = x.mul(inverse).add(INTEGERS).reinterpretAsInts();
      FloatVector q =
          bits.max(ZERO - limit).min(ZERO + limit - 1).reinterpretAsFloats().sub(INTEGERS);
      sumQQ = sumQQ.add(q.mul(q));
      sumXQ = sumXQ.add(x.mul(q));
    }
    sumQQ.intoArray(sums, 0);
    sumXQ.intoArray(sums, COUNT);
  }

  static void symmetricErrors(
      float[] columns,
      int length,
      int limit,
      FloatVector scale,
      FloatVector inverse,
      float[] errors,
      int g) {
    FloatVector sum = FloatVector.zero(FLOAT);
    for (int i = 0; i < length * COUNT; i += COUNT) {
      FloatVector x = FloatVector.fromArray(FLOAT, columns, i);
      IntVector bits = x.mul(inverse).add(INTEGERS).reinterpretAsInts();
      FloatVector q =
          bits.max(ZERO - limit).min(ZERO + limit - 1).reinterpretAsFloats().sub(INTEGERS);
      FloatVector error = q.mul(scale).sub(x);
      sum = sum.add(error.mul(error));
    }
    sum.intoArray(errors, g);
  }

  /** Writes {@code (x + minimum) * inverse}, rounded, plus {@code center}, within 0..last. */
  static void quants(
      float[] x,
      int at,
      int length,
      float minimum,
      float inverse,
      int center,
      int last,
      byte[] quants,
      int to) {
    for (int i = 0; i < length; i++) {
      int bits = Float.floatToRawIntBits((x[at + i] + minimum) * inverse + INTEGERS);
      quants[to + i] = (byte) Math.max(0, Math.min(last, bits - ZERO + center));
    }
  }
}
