package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/** The loops of {@link Rope}, over the components of a head. */
final class RopeLoops {
  private static final VectorShuffle<Float> SWAP = VectorShuffle.fromOp(FLOAT, i -> i ^ 1);

  private RopeLoops() {}

  /** Each cosine twice; each sine twice, first negative: {@code (a, b) c + (b, a) (-s, s)}. */
  static void spread(
      MemorySegment work, long cosines, long sines, MemorySegment angles, long at, int count) {
    for (int i = 0; i < count; i += 2) {
      long o = 4L * i;
      float cosine = angles.get(JAVA_FLOAT, at + o);
      float sine = angles.get(JAVA_FLOAT, at + o + 4);
      work.set(JAVA_FLOAT, cosines + o, cosine);
      work.set(JAVA_FLOAT, cosines + o + 4, cosine);
      work.set(JAVA_FLOAT, sines + o, -sine);
      work.set(JAVA_FLOAT, sines + o + 4, sine);
    }
  }

  /** First the cosines, then the sines. */
  static void separate(
      MemorySegment work, long cosines, long sines, MemorySegment angles, long at, int pairs) {
    for (int i = 0; i < pairs; i++) {
      work.set(JAVA_FLOAT, cosines + 4L * i, angles.get(JAVA_FLOAT, at + 8L * i));
      work.set(JAVA_FLOAT, sines + 4L * i, angles.get(JAVA_FLOAT, at + 8L * i + 4));
    }
  }

  static void negate(MemorySegment work, long at, int count) {
    for (int i = 0; i < count; i++) {
      work.set(JAVA_FLOAT, at + 4L * i, -work.get(JAVA_FLOAT, at + 4L * i));
    }
  }

  static void turnNeighbours(
      MemorySegment out,
      long to,
      MemorySegment x,
      long at,
      MemorySegment work,
      long cosines,
      long sines,
      int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      long o = 4L * i;
      FloatVector pair = fromMemorySegment(FLOAT, x, at + o, ORDER);
      pair.rearrange(SWAP)
          .mul(fromMemorySegment(FLOAT, work, sines + o, ORDER))
          .add(pair.mul(fromMemorySegment(FLOAT, work, cosines + o, ORDER)))
          .intoMemorySegment(out, to + o, ORDER);
    }
    for (; i < count; i += 2) {
      long o = 4L * i;
      float a = x.get(JAVA_FLOAT, at + o);
      float b = x.get(JAVA_FLOAT, at + o + 4);
      float cosine = work.get(JAVA_FLOAT, cosines + o);
      float sine = work.get(JAVA_FLOAT, sines + o + 4);
      out.set(JAVA_FLOAT, to + o, a * cosine - b * sine);
      out.set(JAVA_FLOAT, to + o + 4, a * sine + b * cosine);
    }
  }

  static void turnHalves(
      MemorySegment out,
      long to,
      MemorySegment x,
      long first,
      MemorySegment work,
      long cosines,
      long sines,
      int pairs) {
    long second = first + 4L * pairs;
    long toSecond = to + 4L * pairs;
    int i = 0;
    for (; i <= pairs - COUNT; i += COUNT) {
      long o = 4L * i;
      FloatVector a = fromMemorySegment(FLOAT, x, first + o, ORDER);
      FloatVector b = fromMemorySegment(FLOAT, x, second + o, ORDER);
      FloatVector cosine = fromMemorySegment(FLOAT, work, cosines + o, ORDER);
      FloatVector sine = fromMemorySegment(FLOAT, work, sines + o, ORDER);
      a.mul(cosine).sub(b.mul(sine)).intoMemorySegment(out, to + o, ORDER);
      a.mul(sine).add(b.mul(cosine)).intoMemorySegment(out, toSecond + o, ORDER);
    }
    for (; i < pairs; i++) {
      long o = 4L * i;
      float a = x.get(JAVA_FLOAT, first + o);
      float b = x.get(JAVA_FLOAT, second + o);
      float cosine = work.get(JAVA_FLOAT, cosines + o);
      float sine = work.get(JAVA_FLOAT, sines + o);
      out.set(JAVA_FLOAT, to + o, a * cosine - b * sine);
      out.set(JAVA_FLOAT, toSecond + o, a * sine + b * cosine);
    }
  }
}
