package jllm.tensor.cpu;

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

/** The loops of the optimizer, over a piece of a tensor. */
final class OptimizerLoops {
  private static final VectorSpecies<Double> DOUBLE = VectorSpecies.of(double.class, Lanes.SHAPE);

  private OptimizerLoops() {}

  /**
   * @param at byte of all four segments
   * @param firstFactor {@code 1 / (1 - beta1^step)}
   * @param secondFactor {@code 1 / (1 - beta2^step)}
   */
  static void adamW(
      MemorySegment w,
      MemorySegment gradient,
      MemorySegment m,
      MemorySegment v,
      long at,
      int count,
      AdamWStep step,
      float firstFactor,
      float secondFactor) {
    FloatVector scale = broadcast(FLOAT, step.gradientScale());
    FloatVector beta1 = broadcast(FLOAT, step.beta1());
    FloatVector beta2 = broadcast(FLOAT, step.beta2());
    FloatVector rest1 = broadcast(FLOAT, 1 - step.beta1());
    FloatVector rest2 = broadcast(FLOAT, 1 - step.beta2());
    FloatVector second = broadcast(FLOAT, secondFactor);
    FloatVector eps = broadcast(FLOAT, step.eps());
    FloatVector rate = broadcast(FLOAT, -step.learningRate() * firstFactor);
    FloatVector decay = broadcast(FLOAT, -step.learningRate() * step.weightDecay());
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
      float g = gradient.get(JAVA_FLOAT, o) * step.gradientScale();
      float a = g * (1 - step.beta1()) + m.get(JAVA_FLOAT, o) * step.beta1();
      float b = g * g * (1 - step.beta2()) + v.get(JAVA_FLOAT, o) * step.beta2();
      m.set(JAVA_FLOAT, o, a);
      v.set(JAVA_FLOAT, o, b);
      float root = (float) Math.sqrt(b * secondFactor) + step.eps();
      float old = w.get(JAVA_FLOAT, o);
      float kept = Math.fma(old, -step.learningRate() * step.weightDecay(), old);
      w.set(JAVA_FLOAT, o, a * (-step.learningRate() * firstFactor) / root + kept);
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
