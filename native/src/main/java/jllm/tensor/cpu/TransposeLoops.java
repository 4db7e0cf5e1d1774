package jllm.tensor.cpu;

import static jdk.incubator.vector.IntVector.fromMemorySegment;
import static jllm.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Transposition of matrices of 32-bit elements. With 512-bit vectors there is an instruction that
 * takes any lanes of two registers, and 8 rows of 8 turn in registers: three rounds each bring the
 * lanes of two vectors alternately into two others, which moves a bit of the row's number behind
 * those of the column's. Elsewhere two rows at a time are exchanged by words.
 */
final class TransposeLoops {
  private static final int BLOCK = 8;
  private static final boolean IN_REGISTERS = Lanes.BITS == 512;
  private static final VectorSpecies<Integer> EIGHT = IntVector.SPECIES_256;

  /** Lanes of two vectors, alternately: of their lower and of their upper halves. */
  private static final IntVector LOW =
      IntVector.fromArray(EIGHT, new int[] {0, 8, 1, 9, 2, 10, 3, 11}, 0);

  private static final IntVector HIGH =
      IntVector.fromArray(EIGHT, new int[] {4, 12, 5, 13, 6, 14, 7, 15}, 0);

  private TransposeLoops() {}

  /**
   * Writes {@code out[k][r] = x[r][k]}, k below {@code count}.
   *
   * @param from byte of {@code x}
   * @param fromStride bytes between its rows
   * @param to byte of {@code out}
   * @param toStride bytes between its rows
   */
  static void transpose(
      MemorySegment x,
      long from,
      long fromStride,
      MemorySegment out,
      long to,
      long toStride,
      int rows,
      int count) {
    int whole = IN_REGISTERS ? count / BLOCK * BLOCK : 0;
    int r = 0;
    for (; r <= rows - BLOCK && whole > 0; r += BLOCK) {
      long row = from + r * fromStride;
      long column = to + 4L * r;
      eightRows(x, row, fromStride, out, column, toStride, whole);
      pairs(
          x,
          row + 4L * whole,
          fromStride,
          out,
          column + whole * toStride,
          toStride,
          BLOCK,
          count - whole);
    }
    pairs(x, from + r * fromStride, fromStride, out, to + 4L * r, toStride, rows - r, count);
  }

  private static void pairs(
      MemorySegment x,
      long from,
      long fromStride,
      MemorySegment out,
      long to,
      long toStride,
      int rows,
      int count) {
    int step = (int) (toStride / 4);
    int r = 0;
    for (; r < rows - 1 && count > 0; r += 2) {
      long row = from + r * fromStride;
      PackLoops.interleave(x, row, row + fromStride, out, to + 4L * r, step, count);
    }
    if (r < rows) {
      PackLoops.interleave(x, from + r * fromStride, out, to + 4L * r, step, count);
    }
  }

  private static void eightRows(
      MemorySegment x,
      long from,
      long fromStride,
      MemorySegment out,
      long to,
      long toStride,
      int count) {
    for (int k = 0; k < count; k += BLOCK) {
      long at = from + 4L * k;
      IntVector a = fromMemorySegment(EIGHT, x, at, ORDER);
      IntVector b = fromMemorySegment(EIGHT, x, at + fromStride, ORDER);
      IntVector c = fromMemorySegment(EIGHT, x, at + 2 * fromStride, ORDER);
      IntVector d = fromMemorySegment(EIGHT, x, at + 3 * fromStride, ORDER);
      IntVector e = fromMemorySegment(EIGHT, x, at + 4 * fromStride, ORDER);
      IntVector f = fromMemorySegment(EIGHT, x, at + 5 * fromStride, ORDER);
      IntVector g = fromMemorySegment(EIGHT, x, at + 6 * fromStride, ORDER);
      IntVector h = fromMemorySegment(EIGHT, x, at + 7 * fromStride, ORDER);
      IntVector a1 = LOW.selectFrom(a, e);
      IntVector b1 = HIGH.selectFrom(a, e);
      IntVector c1 = LOW.selectFrom(b, f);
      IntVector d1 = HIGH.selectFrom(b, f);
      IntVector e1 = LOW.selectFrom(c, g);
      IntVector f1 = HIGH.selectFrom(c, g);
      IntVector g1 = LOW.selectFrom(d, h);
      IntVector h1 = HIGH.selectFrom(d, h);
      a = LOW.selectFrom(a1, e1);
      b = HIGH.selectFrom(a1, e1);
      c = LOW.selectFrom(b1, f1);
      d = HIGH.selectFrom(b1, f1);
      e = LOW.selectFrom(c1, g1);
      f = HIGH.selectFrom(c1, g1);
      g = LOW.selectFrom(d1, h1);
      h = HIGH.selectFrom(d1, h1);
      at = to + k * toStride;
      LOW.selectFrom(a, e).intoMemorySegment(out, at, ORDER);
      HIGH.selectFrom(a, e).intoMemorySegment(out, at + toStride, ORDER);
      LOW.selectFrom(b, f).intoMemorySegment(out, at + 2 * toStride, ORDER);
      HIGH.selectFrom(b, f).intoMemorySegment(out, at + 3 * toStride, ORDER);
      LOW.selectFrom(c, g).intoMemorySegment(out, at + 4 * toStride, ORDER);
      HIGH.selectFrom(c, g).intoMemorySegment(out, at + 5 * toStride, ORDER);
      LOW.selectFrom(d, h).intoMemorySegment(out, at + 6 * toStride, ORDER);
      HIGH.selectFrom(d, h).intoMemorySegment(out, at + 7 * toStride, ORDER);
    }
  }
}
