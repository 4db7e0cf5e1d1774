package jllm.format;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.List;
import jllm.tensor.Shape;

/** Copies a tensor that is stored in any order of its elements to a row-major one. */
final class StridedCopy {
  private StridedCopy() {}

  /**
   * Copies.
   *
   * @param in from the first element to the last
   * @param strides in elements, one a dimension
   * @param size bytes of an element
   */
  static void run(MemorySegment in, MemorySegment out, Shape shape, List<Long> strides, int size) {
    int columns = shape.columns();
    long step = strides.getLast() * size;
    int[] index = new int[shape.rank() - 1];
    long to = 0;
    while (to < out.byteSize()) {
      long from = 0;
      for (int axis = 0; axis < index.length; axis++) {
        from += index[axis] * strides.get(axis) * size;
      }
      row(in, from, step, out, to, columns, size);
      to += (long) columns * size;
      for (int axis = index.length - 1; axis >= 0 && ++index[axis] == shape.dim(axis); axis--) {
        index[axis] = 0;
      }
    }
  }

  private static void row(
      MemorySegment in, long from, long step, MemorySegment out, long to, int columns, int size) {
    if (step == size) {
      MemorySegment.copy(in, from, out, to, (long) columns * size);
    } else if (size == 4) {
      for (int i = 0; i < columns; i++) {
        out.set(JAVA_INT_UNALIGNED, to + 4L * i, in.get(JAVA_INT_UNALIGNED, from + i * step));
      }
    } else if (size == 2) {
      for (int i = 0; i < columns; i++) {
        out.set(JAVA_SHORT_UNALIGNED, to + 2L * i, in.get(JAVA_SHORT_UNALIGNED, from + i * step));
      }
    } else {
      for (int i = 0; i < columns; i++) {
        for (int b = 0; b < size; b++) {
          out.set(JAVA_BYTE, to + (long) i * size + b, in.get(JAVA_BYTE, from + i * step + b));
        }
      }
    }
  }
}
