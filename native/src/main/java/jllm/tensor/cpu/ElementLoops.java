package jllm.tensor.cpu;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The loops of {@link Elementwise}, over a whole number of vectors. */
final class ElementLoops {
  private ElementLoops() {}

  static void add(MemorySegment out, MemorySegment a, MemorySegment b, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, a, o, ORDER)
          .add(fromMemorySegment(FLOAT, b, o, ORDER))
          .intoMemorySegment(out, o, ORDER);
    }
  }

  static void mul(MemorySegment out, MemorySegment a, MemorySegment b, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, a, o, ORDER)
          .mul(fromMemorySegment(FLOAT, b, o, ORDER))
          .intoMemorySegment(out, o, ORDER);
    }
  }

  static void scale(MemorySegment out, MemorySegment x, float factor, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, x, o, ORDER).mul(factor).intoMemorySegment(out, o, ORDER);
    }
  }

  static void softCap(MemorySegment out, MemorySegment x, float cap, long at, int count) {
    FloatVector inverse = broadcast(FLOAT, 1 / cap);
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      VectorMath.tanh(fromMemorySegment(FLOAT, x, o, ORDER).mul(inverse))
          .mul(cap)
          .intoMemorySegment(out, o, ORDER);
    }
  }

  static void silu(MemorySegment out, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      VectorMath.silu(fromMemorySegment(FLOAT, x, o, ORDER)).intoMemorySegment(out, o, ORDER);
    }
  }

  static void geluTanh(MemorySegment out, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      VectorMath.geluTanh(fromMemorySegment(FLOAT, x, o, ORDER)).intoMemorySegment(out, o, ORDER);
    }
  }

  static void geluErf(MemorySegment out, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      VectorMath.geluErf(fromMemorySegment(FLOAT, x, o, ORDER)).intoMemorySegment(out, o, ORDER);
    }
  }

  static void relu(MemorySegment out, MemorySegment x, long at, int count) {
    for (int i = 0; i < count; i += COUNT) {
      long o = at + 4L * i;
      fromMemorySegment(FLOAT, x, o, ORDER)
          .lanewise(VectorOperators.MAX, 0f)
          .intoMemorySegment(out, o, ORDER);
    }
  }
}
