package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * One operand of {@link MatrixProduct}: a row-major matrix of F32 or BF16 in plain memory, of which
 * either the rows or the columns run along the dimension that is summed over, called depth; the
 * other one is called lanes. Rows may be gathered by index.
 *
 * <p>Packing brings it into strips: {@code strip[k][lane]} in float32, the lanes of a strip being
 * those that {@link GemmKernel} takes at once.
 */
final class MatrixOperand {
  /** Floats of a strip packed at a time: few enough to stay in the first-level cache. */
  private static final int NEAR = 64 * GemmKernel.WIDTH;

  private MemorySegment segment = MemorySegment.NULL;
  private long base;
  private boolean half;
  private int columns;
  private boolean deepRows;
  private @Nullable MemorySegment indices;
  private long indicesAt;

  /**
   * @param base byte of {@code segment} at which row 0 begins
   * @param type F32 or BF16
   * @param columns of the matrix, the distance between its rows
   * @param deepRows whether a row runs along the depth, so that lanes are rows
   */
  MatrixOperand set(MemorySegment segment, long base, DType type, int columns, boolean deepRows) {
    if (type != DType.F32 && type != DType.BF16) {
      throw new IllegalArgumentException(
          "the CPU backend multiplies with plain matrices of F32 and BF16; found "
              + type
              + ", which it has to adopt first");
    }
    this.segment = segment;
    this.base = base;
    this.half = type == DType.BF16;
    this.columns = columns;
    this.deepRows = deepRows;
    indices = null;
    return this;
  }

  /** Row r is that of number {@code indices[r]}, ints from byte {@code at} on. */
  void gather(MemorySegment indices, long at) {
    this.indices = indices;
    indicesAt = at;
  }

  /** Where row 0 begins in memory. */
  long address() {
    return segment.address() + base;
  }

  /** Where the indices of gathered rows begin in memory, 0 if rows are not gathered. */
  long indicesAddress() {
    MemorySegment indices = this.indices;
    return indices == null ? 0 : indices.address() + indicesAt;
  }

  /** Elements between rows. */
  int columns() {
    return columns;
  }

  /** Whether elements are BF16, otherwise F32. */
  boolean half() {
    return half;
  }

  /** Whether rows run along the depth. */
  boolean deepRows() {
    return deepRows;
  }

  /** About how many times as long an element takes to pack as one that is copied. */
  int packingCost() {
    return deepRows ? 4 : 1;
  }

  private long at(int row, int column) {
    MemorySegment indices = this.indices;
    long index = indices == null ? row : indices.get(JAVA_INT, indicesAt + 4L * row);
    return base + (half ? 2 : 4) * (index * columns + column);
  }

  /**
   * Writes {@code strip[k - from][lane - first]} for a depth of {@code depth} from {@code from} on;
   * lanes beyond {@code lanes} are zero.
   *
   * @param work where the strip goes, at byte {@code to}
   * @param width lanes of the strip, an even number
   * @param first lane of the operand that is the first of the strip
   * @param lanes that exist, at most {@code width}
   */
  void pack(MemorySegment work, long to, int width, int first, int lanes, int from, int depth) {
    if (deepRows) {
      int step = NEAR / width / 2 * 2;
      for (int k = 0; k < depth; k += step) {
        packRows(
            work, to + 4L * width * k, width, first, lanes, from + k, Math.min(step, depth - k));
      }
      return;
    }
    if (indices == null) {
      copy(work, to, width, at(from, first), lanes, depth);
      return;
    }
    for (int k = 0; k < depth; k++) {
      copy(work, to + 4L * width * k, width, at(from + k, first), lanes, 1);
    }
  }

  /**
   * Packs some whole strips or panels side by side if their lanes are neighbours in memory: rows of
   * it are read in one go.
   *
   * @param to byte at which the first strip goes
   * @param distance bytes between strips
   * @param strips to pack
   * @return strips packed: all or none
   */
  int packCopies(
      MemorySegment work,
      long to,
      long distance,
      int width,
      int first,
      int strips,
      int from,
      int depth) {
    if (deepRows || half || strips <= 0) {
      return 0;
    }
    if (indices == null) {
      PackLoops.deal(
          segment, at(from, first), 4L * columns, work, to, distance, width, strips, depth);
      return strips;
    }
    for (int k = 0; k < depth; k++) {
      long source = at(from + k, first);
      PackLoops.deal(segment, source, 0, work, to + 4L * width * k, distance, width, strips, 1);
    }
    return strips;
  }

  private void packRows(
      MemorySegment work, long to, int width, int first, int lanes, int from, int depth) {
    int lane = 0;
    if (!half && indices == null) {
      TransposeLoops.transpose(
          segment, at(first, from), 4L * columns, work, to, 4L * width, lanes, depth);
      lane = lanes;
    }
    for (; lane < lanes - 1; lane += 2) {
      long a = at(first + lane, from);
      long b = at(first + lane + 1, from);
      if (half) {
        PackLoops.interleaveHalves(segment, a, b, work, to + 4L * lane, width, depth);
      } else {
        PackLoops.interleave(segment, a, b, work, to + 4L * lane, width, depth);
      }
    }
    if (lane < lanes) {
      long a = at(first + lane, from);
      if (half) {
        PackLoops.interleaveHalf(segment, a, work, to + 4L * lane, width, depth);
      } else {
        PackLoops.interleave(segment, a, work, to + 4L * lane, width, depth);
      }
      lane++;
    }
    for (; lane < width; lane++) {
      PackLoops.clear(work, to + 4L * lane, width, depth);
    }
  }

  private void copy(MemorySegment work, long to, int width, long from, int lanes, int depth) {
    if (half) {
      PackLoops.copyHalves(segment, from, 2L * columns, work, to, width, lanes, depth);
    } else if (lanes < width) {
      PackLoops.copyPart(segment, from, 4L * columns, work, to, width, lanes, depth);
    } else {
      PackLoops.deal(segment, from, 4L * columns, work, to, 0, width, 1, depth);
    }
  }
}
