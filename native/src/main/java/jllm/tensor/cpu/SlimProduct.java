package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.SlimKernel;
import org.jspecify.annotations.Nullable;

/**
 * The matrix product {@code c (+)= a b} of plain F32 matrices of which one dimension is small, as
 * the rank of an adapter is. There a copy of the long operand, as {@link MatrixProduct} makes it,
 * would cost as much as the product: both operands are read where they lie.
 */
final class SlimProduct implements Workers.Task {
  /** The largest small dimension. */
  static final int MOST = 64;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 16;

  /** Products that are added at once where rows are long. */
  private static final int STEP = 8;

  private static final int LANES = Lanes.COUNT;
  private static final long VECTOR = 4L * LANES;

  /** Vectors of a row at a time, so that STEP rows of them stay in the first-level cache. */
  private static final int NEAR = 640 / LANES;

  private final Workers workers;
  private final @Nullable SlimKernel kernel;
  private MemorySegment as = MemorySegment.NULL;
  private long aRow;
  private long aStep;
  private MemorySegment bs = MemorySegment.NULL;
  private MemorySegment cs = MemorySegment.NULL;
  private int rows;
  private int columns;
  private int depth;
  private boolean add;
  private boolean deep;
  private boolean byColumns;

  /**
   * @param library of native kernels, null to do without
   */
  SlimProduct(Workers workers, @Nullable KernelLibrary library) {
    this.workers = workers;
    kernel = library == null ? null : SlimKernel.of(library).orElse(null);
  }

  /** Whether a product is slim enough, and its result's rows whole vectors. */
  static boolean fits(int rows, int columns, int depth) {
    return Math.min(columns, Math.min(rows, depth)) <= MOST && rows > 1 && columns % LANES == 0;
  }

  /**
   * Computes {@code c[m, j] (+)= sum over k of a[m, k] b[k, j]}.
   *
   * @param aRow bytes between {@code a[m, k]} and {@code a[m + 1, k]}
   * @param aStep bytes between {@code a[m, k]} and {@code a[m, k + 1]}
   * @param bs row-major [depth, columns]
   * @param cs row-major [rows, columns], for which {@link #fits} holds
   */
  void run(
      MemorySegment as,
      long aRow,
      long aStep,
      MemorySegment bs,
      MemorySegment cs,
      int rows,
      int columns,
      int depth,
      boolean add) {
    this.as = as;
    this.aRow = aRow;
    this.aStep = aStep;
    this.bs = bs;
    this.cs = cs;
    this.rows = rows;
    this.columns = columns;
    this.depth = depth;
    this.add = add;
    deep = columns <= MOST && aStep == Float.BYTES;
    byColumns = columns > rows;
    if ((long) rows * columns * depth < SMALL) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  @Override
  public void run(int part, int parts) {
    int vectors = columns / LANES;
    int first = byColumns ? Workers.share(vectors, part, parts) : 0;
    int end = byColumns ? Workers.share(vectors, part + 1, parts) : vectors;
    int row = byColumns ? 0 : Workers.share(rows, part, parts);
    int endRow = byColumns ? rows : Workers.share(rows, part + 1, parts);
    SlimKernel kernel = this.kernel;
    if (kernel != null) {
      kernel.run(
          as,
          aRow / Float.BYTES,
          aStep / Float.BYTES,
          bs,
          cs,
          columns,
          depth,
          row,
          endRow,
          (long) first * LANES,
          (long) end * LANES,
          add);
      return;
    }
    if (deep) {
      strips(row, endRow, first, end, 0, depth, add);
      return;
    }
    for (int from = first; from < end; from += NEAR) {
      int to = Math.min(end, from + NEAR);
      if (!add) {
        for (int m = row; m < endRow; m++) {
          long at = 4L * columns * m + VECTOR * from;
          cs.asSlice(at, VECTOR * (to - from)).fill((byte) 0);
        }
      }
      int k = 0;
      for (; k <= depth - STEP; k += STEP) {
        layers(row, endRow, from, to, k);
      }
      if (k < depth) {
        strips(row, endRow, from, to, k, depth - k, true);
      }
    }
  }

  /** Adds {@link #STEP} products to each element. */
  private void layers(int row, int endRow, int first, int end, int k) {
    long stride = 4L * columns;
    long b = k * stride + first * VECTOR;
    int count = (end - first) * LANES;
    int m = row;
    for (; m <= endRow - 2; m += 2) {
      long a = m * aRow + k * aStep;
      long c = m * stride + first * VECTOR;
      SlimLoops.pair(as, a, aRow, aStep, bs, b, stride, cs, c, stride, count);
    }
    if (m < endRow) {
      strips(m, endRow, first, end, k, STEP, true);
    }
  }

  private void strips(int row, int endRow, int first, int end, int k, int length, boolean addHere) {
    long bStep = 4L * columns;
    int m = row;
    while (m < endRow) {
      int left = endRow - m;
      long a = m * aRow + k * aStep;
      int j = first;
      long b = k * bStep + j * VECTOR;
      long c = m * bStep + j * VECTOR;
      int taken = left >= 8 ? 8 : left >= 4 ? 4 : 1;
      for (; taken > 1 && j <= end - 2; j += 2, b += 2 * VECTOR, c += 2 * VECTOR) {
        SlimLoops.rows4(as, a, aRow, aStep, bs, b, bStep, cs, c, bStep, length, addHere);
        if (taken == 8) {
          SlimLoops.rows4(
              as,
              a + 4 * aRow,
              aRow,
              aStep,
              bs,
              b,
              bStep,
              cs,
              c + 4 * bStep,
              bStep,
              length,
              addHere);
        }
      }
      for (; j < end; j++, b += VECTOR, c += VECTOR) {
        if (taken == 8) {
          SlimLoops.rows8(as, a, aRow, aStep, bs, b, bStep, cs, c, bStep, length, addHere);
          continue;
        }
        for (int r = 0; r < taken; r++) {
          SlimLoops.row(as, a + r * aRow, aStep, bs, b, bStep, cs, c + r * bStep, length, addHere);
        }
      }
      m += taken;
    }
  }
}
