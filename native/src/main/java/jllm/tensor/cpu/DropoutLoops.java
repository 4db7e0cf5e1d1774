package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.XOR;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jllm.tensor.Dropout;

/** The loops of {@link Dropouts}, over one row, and that of attention weights. */
final class DropoutLoops {
  /** {@code lane * COLUMN_STEP}. */
  private static final IntVector STEPS =
      IntVector.zero(Lanes.INT).addIndex(1).mul(Dropout.COLUMN_STEP);

  private DropoutLoops() {}

  /** {@link Dropout#hash} of what it adds up first, without its lowest bit. */
  private static IntVector hash(IntVector x) {
    x = x.lanewise(LSHR, 16).lanewise(XOR, x).mul(0x21f0aaad);
    x = x.lanewise(LSHR, 15).lanewise(XOR, x).mul(0xd35a2d97);
    x = x.lanewise(LSHR, 15).lanewise(XOR, x);
    return x.lanewise(LSHR, 1);
  }

  static void write(
      MemorySegment out, MemorySegment x, long at, int count, int key, int threshold, float scale) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      VectorMask<Float> dropped =
          hash(STEPS.add(key + i * Dropout.COLUMN_STEP)).compare(LT, threshold).cast(FLOAT);
      fromMemorySegment(FLOAT, x, at + 4L * i, ORDER)
          .mul(scale)
          .blend(0f, dropped)
          .intoMemorySegment(out, at + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      boolean kept = Dropout.hash(key, i) >>> 1 >= threshold;
      out.set(JAVA_FLOAT, at + 4L * i, kept ? x.get(JAVA_FLOAT, at + 4L * i) * scale : 0);
    }
  }

  /** The same, added to {@code out}. */
  static void add(
      MemorySegment out, MemorySegment x, long at, int count, int key, int threshold, float scale) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      VectorMask<Float> dropped =
          hash(STEPS.add(key + i * Dropout.COLUMN_STEP)).compare(LT, threshold).cast(FLOAT);
      fromMemorySegment(FLOAT, x, at + 4L * i, ORDER)
          .mul(scale)
          .blend(0f, dropped)
          .add(fromMemorySegment(FLOAT, out, at + 4L * i, ORDER))
          .intoMemorySegment(out, at + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      if (Dropout.hash(key, i) >>> 1 >= threshold) {
        float sum = out.get(JAVA_FLOAT, at + 4L * i) + x.get(JAVA_FLOAT, at + 4L * i) * scale;
        out.set(JAVA_FLOAT, at + 4L * i, sum);
      }
    }
  }

  /**
   * Drops elements of a tile [keys][WIDTH] in which a lane is a row of attention weights and a line
   * the key of one number.
   *
   * @param lines WIDTH ints: the keys of the rows, in the sense of {@link Dropout#rowKey}
   * @param first number of the first key
   */
  static void tile(
      MemorySegment work, long tile, int keys, long lines, int first, int threshold, float scale) {
    for (long j = 0; j < 4L * GemmKernel.WIDTH; j += 4L * COUNT) {
      IntVector row = IntVector.fromMemorySegment(Lanes.INT, work, lines + j, ORDER);
      for (int key = 0; key < keys; key++) {
        long at = tile + 4L * GemmKernel.WIDTH * key + j;
        VectorMask<Float> dropped =
            hash(row.add((first + key) * Dropout.COLUMN_STEP)).compare(LT, threshold).cast(FLOAT);
        fromMemorySegment(FLOAT, work, at, ORDER)
            .mul(scale)
            .blend(0f, dropped)
            .intoMemorySegment(work, at, ORDER);
      }
    }
  }
}
