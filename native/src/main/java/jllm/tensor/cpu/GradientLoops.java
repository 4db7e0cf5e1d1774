package jllm.tensor.cpu;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The loops of {@link ElementGradients}, over a whole number of vectors: derivatives of functions
 * of one element, and sums of products. Offsets are bytes.
 */
final class GradientLoops {
  private static final FloatVector ONE = broadcast(FLOAT, 1);

  private GradientLoops() {}

  /** {@code out += a * b}. */
  static void addProduct(
      MemorySegment out, MemorySegment a, long at, MemorySegment b, long bAt, int count) {
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, a, o, ORDER)
          .fma(
              fromMemorySegment(FLOAT, b, bAt + 4L * i, ORDER),
              fromMemorySegment(FLOAT, out, o, ORDER))
          .intoMemorySegment(out, o, ORDER);
    }
  }

  /** {@code out += x * factor}. */
  static void addScaled(MemorySegment out, MemorySegment x, long at, float factor, int count) {
    FloatVector f = broadcast(FLOAT, factor);
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, x, o, ORDER)
          .fma(f, fromMemorySegment(FLOAT, out, o, ORDER))
          .intoMemorySegment(out, o, ORDER);
    }
  }

  static void fill(MemorySegment out, long at, float value, int count) {
    FloatVector v = broadcast(FLOAT, value);
    for (int i = 0; i < count; i += COUNT) {
      v.intoMemorySegment(out, at + 4L * i, ORDER);
    }
  }

  /** {@code out *= b}. */
  static void multiply(MemorySegment out, long to, MemorySegment b, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      fromMemorySegment(FLOAT, out, to + 4L * i, ORDER)
          .mul(fromMemorySegment(FLOAT, b, at + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  static void siluSlope(MemorySegment out, long to, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      VectorMath.siluSlope(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  static void geluTanhSlope(MemorySegment out, long to, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      VectorMath.geluTanhSlope(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  /** Phi(x), the first term of the derivative of GELU in its exact form. */
  static void normalCdf(MemorySegment out, long to, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      VectorMath.normalCdf(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  /** {@code out += x phi(x)}, the second term. */
  static void addNormalDensity(MemorySegment out, long to, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      FloatVector v = fromMemorySegment(FLOAT, x, at + 4L * i, ORDER);
      VectorMath.normalDensity(v)
          .fma(v, fromMemorySegment(FLOAT, out, to + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  static void reluSlope(MemorySegment out, long to, MemorySegment x, long at, int count) {
    FloatVector zero = FloatVector.zero(FLOAT);
    for (int i = 0; i < count; i += COUNT) {
      FloatVector v = fromMemorySegment(FLOAT, x, at + 4L * i, ORDER);
      zero.blend(ONE, v.compare(GT, 0f)).intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  /** {@code 1 - tanh^2(x / cap)}. */
  static void softCapSlope(
      MemorySegment out, long to, MemorySegment x, long at, float cap, int count) {
    FloatVector inverse = broadcast(FLOAT, 1 / cap);
    for (int i = 0; i < count; i += COUNT) {
      FloatVector t = VectorMath.tanh(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER).mul(inverse));
      t.neg().fma(t, ONE).intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  static void silu(MemorySegment out, long to, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      VectorMath.silu(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  static void geluTanh(MemorySegment out, long to, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      VectorMath.geluTanh(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  static void geluErf(MemorySegment out, long to, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      VectorMath.geluErf(fromMemorySegment(FLOAT, x, at + 4L * i, ORDER))
          .intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }

  static void relu(MemorySegment out, long to, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      FloatVector v = fromMemorySegment(FLOAT, x, at + 4L * i, ORDER);
      v.blend(0f, v.compare(LT, 0f)).intoMemorySegment(out, to + 4L * i, ORDER);
    }
  }
}
