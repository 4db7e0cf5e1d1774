package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** The loops that bring operands of {@link GemmKernel} into strips. */
final class PackLoops {
  private static final boolean LITTLE = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;

  /** The bits by which the element that is first in memory is moved in a word of two floats. */
  private static final int FIRST = LITTLE ? 0 : 32;

  private static final int SECOND = 32 - FIRST;
  private static final long LOW = 0xffff_ffffL;

  /** Half of the widest vectors: strips are as wide. */
  private static final VectorSpecies<Float> PART =
      VectorSpecies.of(float.class, VectorShape.forBitSize(Math.max(128, Lanes.BITS / 2)));

  private PackLoops() {}

  static void interleave(
      MemorySegment x, long source, MemorySegment work, long target, int step, int count) {
    for (int k = 0; k < count; k++) {
      work.set(JAVA_FLOAT, target + 4L * k * step, x.get(JAVA_FLOAT, source + 4L * k));
    }
  }

  static void clear(MemorySegment work, long target, int step, int count) {
    for (int k = 0; k < count; k++) {
      work.set(JAVA_FLOAT, target + 4L * k * step, 0);
    }
  }

  /** Two rows, at a and b, side by side: words of two floats are read, exchanged and written. */
  static void interleave(
      MemorySegment x, long a, long b, MemorySegment work, long target, int step, int count) {
    int k = 0;
    for (; k < count - 1; k += 2) {
      long p = x.get(JAVA_LONG_UNALIGNED, a + 4L * k);
      long q = x.get(JAVA_LONG_UNALIGNED, b + 4L * k);
      long at = target + 4L * k * step;
      work.set(
          JAVA_LONG_UNALIGNED, at, (p >>> FIRST & LOW) << FIRST | (q >>> FIRST & LOW) << SECOND);
      work.set(
          JAVA_LONG_UNALIGNED,
          at + 4L * step,
          (p >>> SECOND & LOW) << FIRST | (q >>> SECOND & LOW) << SECOND);
    }
    if (k < count) {
      long at = target + 4L * k * step;
      work.set(JAVA_FLOAT_UNALIGNED, at, x.get(JAVA_FLOAT_UNALIGNED, a + 4L * k));
      work.set(JAVA_FLOAT_UNALIGNED, at + 4, x.get(JAVA_FLOAT_UNALIGNED, b + 4L * k));
    }
  }

  /** Two rows of BF16, at a and b, side by side in float32. */
  static void interleaveHalves(
      MemorySegment x, long a, long b, MemorySegment work, long target, int step, int count) {
    int k = 0;
    for (; k < count - 1; k += 2) {
      long p = x.get(JAVA_INT_UNALIGNED, a + 2L * k);
      long q = x.get(JAVA_INT_UNALIGNED, b + 2L * k);
      long at = target + 4L * k * step;
      // A float32 has the bits of a BF16 in its upper half.
      long first = (p >>> FIRST / 2 << 16 & LOW) << FIRST | (q >>> FIRST / 2 << 16 & LOW) << SECOND;
      long second =
          (p >>> SECOND / 2 << 16 & LOW) << FIRST | (q >>> SECOND / 2 << 16 & LOW) << SECOND;
      work.set(JAVA_LONG_UNALIGNED, at, first);
      work.set(JAVA_LONG_UNALIGNED, at + 4L * step, second);
    }
    if (k < count) {
      long at = target + 4L * k * step;
      work.set(JAVA_INT_UNALIGNED, at, x.get(JAVA_SHORT_UNALIGNED, a + 2L * k) << 16);
      work.set(JAVA_INT_UNALIGNED, at + 4, x.get(JAVA_SHORT_UNALIGNED, b + 2L * k) << 16);
    }
  }

  static void interleaveHalf(
      MemorySegment x, long source, MemorySegment work, long target, int step, int count) {
    for (int k = 0; k < count; k++) {
      work.set(
          JAVA_INT_UNALIGNED,
          target + 4L * k * step,
          x.get(JAVA_SHORT_UNALIGNED, source + 2L * k) << 16);
    }
  }

  /**
   * Neighbouring pieces of an even number of floats of some rows, each piece into another strip.
   *
   * @param stride bytes between rows
   * @param distance bytes between strips
   * @param width floats of a piece
   * @param count rows
   */
  static void deal(
      MemorySegment x,
      long source,
      long stride,
      MemorySegment work,
      long target,
      long distance,
      int width,
      int pieces,
      int count) {
    if (width % PART.length() != 0) {
      dealPairs(x, source, stride, work, target, distance, width, pieces, count);
      return;
    }
    for (int k = 0; k < count; k++) {
      for (int piece = 0; piece < pieces; piece++) {
        long from = source + k * stride + 4L * width * piece;
        long to = target + 4L * width * k + distance * piece;
        for (int i = 0; i < width; i += PART.length()) {
          fromMemorySegment(PART, x, from + 4L * i, ORDER)
              .intoMemorySegment(work, to + 4L * i, ORDER);
        }
      }
    }
  }

  private static void dealPairs(
      MemorySegment x,
      long source,
      long stride,
      MemorySegment work,
      long target,
      long distance,
      int width,
      int pieces,
      int count) {
    for (int k = 0; k < count; k++) {
      for (int piece = 0; piece < pieces; piece++) {
        long from = source + k * stride + 4L * width * piece;
        long to = target + 4L * width * k + distance * piece;
        for (int i = 0; i < width; i += 2) {
          work.set(JAVA_LONG_UNALIGNED, to + 4L * i, x.get(JAVA_LONG_UNALIGNED, from + 4L * i));
        }
      }
    }
  }

  /** Pieces of {@code lanes} floats, filled up with zeros to {@code width}. */
  static void copyPart(
      MemorySegment x,
      long source,
      long stride,
      MemorySegment work,
      long target,
      int width,
      int lanes,
      int count) {
    for (int k = 0; k < count; k++) {
      for (int i = 0; i < width; i++) {
        float value = i < lanes ? x.get(JAVA_FLOAT_UNALIGNED, source + k * stride + 4L * i) : 0;
        work.set(JAVA_FLOAT_UNALIGNED, target + 4L * (width * k + i), value);
      }
    }
  }

  /** The same of BF16. */
  static void copyHalves(
      MemorySegment x,
      long source,
      long stride,
      MemorySegment work,
      long target,
      int width,
      int lanes,
      int count) {
    for (int k = 0; k < count; k++) {
      for (int i = 0; i < width; i++) {
        int value = i < lanes ? x.get(JAVA_SHORT_UNALIGNED, source + k * stride + 2L * i) << 16 : 0;
        work.set(JAVA_INT_UNALIGNED, target + 4L * (width * k + i), value);
      }
    }
  }
}
