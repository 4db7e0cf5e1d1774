package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.F2D;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import jllm.tensor.AdamWStep;
import jllm.tensor.Dropout;
import jllm.tensor.StochasticRounding;

/** The loops of the optimizer, over a piece of a tensor. */
final class OptimizerLoops {
  private static final VectorSpecies<Double> DOUBLE = VectorSpecies.of(double.class, Lanes.SHAPE);

  /** {@code lane * COLUMN_STEP}. */
  private static final IntVector PLACES =
      IntVector.zero(Lanes.INT).addIndex(1).mul(Dropout.COLUMN_STEP);

  private OptimizerLoops() {}

  /**
   * What is the same for all elements of a tensor.
   *
   * @param scale on gradients
   * @param first {@code 1 / (1 - beta1^step)}
   * @param second {@code 1 / (1 - beta2^step)}
   */
  record Factors(
      float scale,
      float beta1,
      float beta2,
      float eps,
      float learningRate,
      float weightDecay,
      float first,
      float second) {
    static Factors of(AdamWStep step, float scale, float weightDecay) {
      return new Factors(
          scale,
          step.beta1(),
          step.beta2(),
          step.eps(),
          step.learningRate(),
          weightDecay,
          (float) (1 / step.firstCorrection()),
          (float) (1 / step.secondCorrection()));
    }
  }

  /**
   * @param at byte of all four segments
   */
  static void adamW(
      MemorySegment w,
      MemorySegment gradient,
      MemorySegment m,
      MemorySegment v,
      long at,
      int count,
      Factors factors) {
    FloatVector scale = broadcast(FLOAT, factors.scale);
    FloatVector beta1 = broadcast(FLOAT, factors.beta1);
    FloatVector beta2 = broadcast(FLOAT, factors.beta2);
    FloatVector rest1 = broadcast(FLOAT, 1 - factors.beta1);
    FloatVector rest2 = broadcast(FLOAT, 1 - factors.beta2);
    FloatVector second = broadcast(FLOAT, factors.second);
    FloatVector eps = broadcast(FLOAT, factors.eps);
    FloatVector rate = broadcast(FLOAT, -factors.learningRate * factors.first);
    FloatVector decay = broadcast(FLOAT, -factors.learningRate * factors.weightDecay);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = at + 4L * i;
      FloatVector g = fromMemorySegment(FLOAT, gradient, o, ORDER).mul(scale);
      FloatVector a = g.mul(rest1).add(fromMemorySegment(FLOAT, m, o, ORDER).mul(beta1));
      FloatVector b = g.mul(g).mul(rest2).add(fromMemorySegment(FLOAT, v, o, ORDER).mul(beta2));
      a.intoMemorySegment(m, o, ORDER);
      b.intoMemorySegment(v, o, ORDER);
      FloatVector root = b.mul(second).lanewise(VectorOperators.SQRT).add(eps);
      FloatVector old = fromMemorySegment(FLOAT, w, o, ORDER);
      a.mul(rate).div(root).add(old.fma(decay, old)).intoMemorySegment(w, o, ORDER);
    }
    for (; i < count; i++) {
      long o = at + 4L * i;
      float g = gradient.get(JAVA_FLOAT, o) * factors.scale;
      float a = g * (1 - factors.beta1) + m.get(JAVA_FLOAT, o) * factors.beta1;
      float b = g * g * (1 - factors.beta2) + v.get(JAVA_FLOAT, o) * factors.beta2;
      m.set(JAVA_FLOAT, o, a);
      v.set(JAVA_FLOAT, o, b);
      float root = (float) Math.sqrt(b * factors.second) + factors.eps;
      float old = w.get(JAVA_FLOAT, o);
      float kept = Math.fma(old, -factors.learningRate * factors.weightDecay, old);
      w.set(JAVA_FLOAT, o, a * (-factors.learningRate * factors.first) / root + kept);
    }
  }

  /** Rounds float32 to BF16, to nearest and ties to even; NaN stays one. */
  static void round(MemorySegment w, long from, MemorySegment out, long to, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector value = fromMemorySegment(FLOAT, w, from + 4L * i, ORDER);
      IntVector bits = value.reinterpretAsInts();
      VectorMask<Integer> nan = value.test(VectorOperators.IS_NAN).cast(Lanes.INT);
      bits.lanewise(LSHR, 16)
          .and(1)
          .add(bits)
          .add(0x7fff)
          .blend(bits.or(0x400000), nan)
          .lanewise(LSHR, 16)
          .convertShape(I2S, Lanes.HALF, 0)
          .reinterpretAsShorts()
          .intoMemorySegment(out, to + 2L * i, ORDER);
    }
    for (; i < count; i++) {
      float value = w.get(JAVA_FLOAT, from + 4L * i);
      int bits = Float.floatToRawIntBits(value);
      int rounded = Float.isNaN(value) ? bits | 0x400000 : bits + 0x7fff + (bits >>> 16 & 1);
      out.set(JAVA_SHORT, to + 2L * i, (short) (rounded >>> 16));
    }
  }

  /**
   * The same by {@link StochasticRounding}.
   *
   * @param key of the chunk that the elements are the beginning of
   */
  static void round(MemorySegment w, long from, MemorySegment out, long to, int count, int key) {
    IntVector place = PLACES.add(key);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector value = fromMemorySegment(FLOAT, w, from + 4L * i, ORDER);
      IntVector bits = value.reinterpretAsInts();
      VectorMask<Integer> nan = value.test(VectorOperators.IS_NAN).cast(Lanes.INT);
      VectorMath.hash(place)
          .lanewise(LSHR, 16)
          .add(bits)
          .blend(bits.or(0x400000), nan)
          .lanewise(LSHR, 16)
          .convertShape(I2S, Lanes.HALF, 0)
          .reinterpretAsShorts()
          .intoMemorySegment(out, to + 2L * i, ORDER);
      place = place.add(Dropout.COLUMN_STEP * COUNT);
    }
    for (; i < count; i++) {
      float value = w.get(JAVA_FLOAT, from + 4L * i);
      out.set(JAVA_SHORT, to + 2L * i, StochasticRounding.round(value, key, i));
    }
  }

  static void addSum(MemorySegment sum, MemorySegment x, long count) {
    double total = 0;
    for (long i = 0; i < count; i++) {
      total += x.getAtIndex(JAVA_FLOAT, i);
    }
    sum.set(JAVA_DOUBLE, 0, sum.get(JAVA_DOUBLE, 0) + total);
  }

  static double sumOfSquares(MemorySegment x, long at, int count) {
    DoubleVector s0 = DoubleVector.zero(DOUBLE);
    DoubleVector s1 = s0;
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector value = fromMemorySegment(FLOAT, x, at + 4L * i, ORDER);
      DoubleVector low = (DoubleVector) value.convertShape(F2D, DOUBLE, 0);
      DoubleVector high = (DoubleVector) value.convertShape(F2D, DOUBLE, 1);
      s0 = low.fma(low, s0);
      s1 = high.fma(high, s1);
    }
    s0 = s0.add(s1);
    double sum = 0;
    for (int lane = 0; lane < DOUBLE.length(); lane++) {
      sum += s0.lane(lane); // Always in this order, which reduceLanes does not promise.
    }
    for (; i < count; i++) {
      double value = x.get(JAVA_FLOAT, at + 4L * i);
      sum += value * value;
    }
    return sum;
  }
}
