package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.broadcast;
import static jdk.incubator.vector.VectorOperators.AND_NOT;
import static jllm.tensor.cpu.Lanes.COUNT;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jllm.tensor.Dropout;

/** The loops of {@link Dropouts}, over one row, and that of attention weights. */
final class DropoutLoops {
  /** {@code lane * COLUMN_STEP}. */
  private static final IntVector STEPS =
      IntVector.zero(Lanes.INT).addIndex(1).mul(Dropout.COLUMN_STEP);

  // Constants are vectors, so that the JIT has little to take into a loop; see VectorMath.
  private static final IntVector COLUMN = broadcast(Lanes.INT, Dropout.COLUMN_STEP);
  private static final IntVector COLUMNS = broadcast(Lanes.INT, Dropout.COLUMN_STEP * COUNT);

  private DropoutLoops() {}

  static void write(
      MemorySegment out, MemorySegment x, long at, int count, int key, int threshold, float scale) {
    IntVector least = broadcast(Lanes.INT, threshold);
    FloatVector factor = FloatVector.broadcast(FLOAT, scale);
    IntVector sum = STEPS.add(key);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      fromMemorySegment(FLOAT, x, at + 4L * i, ORDER)
          .mul(factor)
          .reinterpretAsInts()
          .lanewise(AND_NOT, VectorMath.dropped(sum, least))
          .intoMemorySegment(out, at + 4L * i, ORDER);
      sum = sum.add(COLUMNS);
    }
    for (; i < count; i++) {
      boolean kept = Dropout.hash(key, i) >>> 1 >= threshold;
      out.set(JAVA_FLOAT, at + 4L * i, kept ? x.get(JAVA_FLOAT, at + 4L * i) * scale : 0);
    }
  }

  /** The same, added to {@code out}. */
  static void add(
      MemorySegment out, MemorySegment x, long at, int count, int key, int threshold, float scale) {
    IntVector least = broadcast(Lanes.INT, threshold);
    FloatVector factor = FloatVector.broadcast(FLOAT, scale);
    IntVector sum = STEPS.add(key);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      IntVector bits = fromMemorySegment(FLOAT, x, at + 4L * i, ORDER).reinterpretAsInts();
      bits.lanewise(AND_NOT, VectorMath.dropped(sum, least))
          .reinterpretAsFloats()
          .fma(factor, fromMemorySegment(FLOAT, out, at + 4L * i, ORDER))
          .intoMemorySegment(out, at + 4L * i, ORDER);
      sum = sum.add(COLUMNS);
    }
    for (; i < count; i++) {
      if (Dropout.hash(key, i) >>> 1 >= threshold) {
        float total = out.get(JAVA_FLOAT, at + 4L * i) + x.get(JAVA_FLOAT, at + 4L * i) * scale;
        out.set(JAVA_FLOAT, at + 4L * i, total);
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
    IntVector least = broadcast(Lanes.INT, threshold);
    FloatVector factor = FloatVector.broadcast(FLOAT, scale);
    for (long j = 0; j < 4L * GemmKernel.WIDTH; j += 4L * COUNT) {
      IntVector sum = IntVector.fromMemorySegment(Lanes.INT, work, lines + j, ORDER);
      sum = sum.add(first * Dropout.COLUMN_STEP);
      for (int key = 0; key < keys; key++) {
        long at = tile + 4L * GemmKernel.WIDTH * key + j;
        fromMemorySegment(FLOAT, work, at, ORDER)
            .mul(factor)
            .reinterpretAsInts()
            .lanewise(AND_NOT, VectorMath.dropped(sum, least))
            .intoMemorySegment(work, at, ORDER);
        sum = sum.add(COLUMN);
      }
    }
  }
}
