package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** What happens to the result tiles of a matrix product once {@link GemmKernel} has made them. */
final class GemmLoops {
  private static final long ROW = 4L * GemmKernel.WIDTH;
  private static final long VECTOR = Lanes.BITS / 8;

  private GemmLoops() {}

  /** Adds the tile at {@code from} to that at {@code to}. */
  static void add(MemorySegment work, long to, long from, int rows) {
    for (long at = 0; at < rows * ROW; at += VECTOR) {
      fromMemorySegment(FLOAT, work, to + at, ORDER)
          .add(fromMemorySegment(FLOAT, work, from + at, ORDER))
          .intoMemorySegment(work, to + at, ORDER);
    }
  }

  /**
   * Writes a row of a tile to the result.
   *
   * @param target byte of {@code out}
   * @param output column of the result, to find the bias
   * @param width floats of the row that exist in the result
   */
  static void copyRow(
      MemorySegment out,
      long target,
      MemorySegment work,
      long tile,
      @Nullable MemorySegment bias,
      int output,
      int width) {
    int j = 0;
    for (; j <= width - Lanes.COUNT; j += Lanes.COUNT) {
      FloatVector sum = fromMemorySegment(FLOAT, work, tile + 4L * j, ORDER);
      if (bias != null) {
        sum = sum.add(fromMemorySegment(FLOAT, bias, 4L * (output + j), ORDER));
      }
      sum.intoMemorySegment(out, target + 4L * j, ORDER);
    }
    for (; j < width; j++) {
      float sum = work.get(JAVA_FLOAT, tile + 4L * j);
      float b = bias == null ? 0 : bias.get(JAVA_FLOAT, 4L * (output + j));
      out.set(JAVA_FLOAT, target + 4L * j, sum + b);
    }
  }

  /** Adds the first {@code width} columns of a tile to rows that are {@code stride} bytes apart. */
  static void addTile(
      MemorySegment out,
      long target,
      long stride,
      MemorySegment work,
      long tile,
      int rows,
      int width) {
    for (int r = 0; r < rows; r++) {
      long to = target + r * stride;
      long from = tile + r * ROW;
      int j = 0;
      for (; j <= width - Lanes.COUNT; j += Lanes.COUNT) {
        fromMemorySegment(FLOAT, out, to + 4L * j, ORDER)
            .add(fromMemorySegment(FLOAT, work, from + 4L * j, ORDER))
            .intoMemorySegment(out, to + 4L * j, ORDER);
      }
      for (; j < width; j++) {
        float sum = out.get(JAVA_FLOAT, to + 4L * j) + work.get(JAVA_FLOAT, from + 4L * j);
        out.set(JAVA_FLOAT, to + 4L * j, sum);
      }
    }
  }
}
