package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import jllm.ffi.kernels.ProductKernel;
import org.jspecify.annotations.Nullable;

/**
 * The matrix product {@code out (+)= left right} of plain matrices, as training needs it in three
 * forms: outputs of a layer, gradients of its inputs and gradients of its weights, which all change
 * each step. A block of the right operand is packed so that it stays in the second-level cache, and
 * strips of the left one pass by it (Goto and van de Geijn 2008); blocks of the depth follow each
 * other while what they add to is in the cache.
 *
 * <p>The result of an element does not depend on when which thread computes it, and for a given
 * number of threads it is always the same.
 */
final class MatrixProduct implements Workers.Task, AutoCloseable {
  /** Most depth of a block: a strip of it fits the first-level cache. */
  private static final int DEPTH = 384;

  /** Panels of a block: with the greatest depth, half a megabyte. */
  private static final int PANELS = 10;

  /** Strips packed at a time, so that lines of memory which several of them share are read once. */
  private static final int GROUP = 8;

  /**
   * Bytes of the packed left operand that are worth keeping for the next block of the right one.
   */
  private static final long KEPT = 16L << 20;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 16;

  private static final int ROWS = GemmKernel.ROWS;
  private static final int WIDTH = GemmKernel.WIDTH;
  private static final long TILE_BYTES = 4L * ROWS * WIDTH;

  private final Workers workers;
  private final NativeProducts kernels;
  private final MatrixOperand left = new MatrixOperand();
  private final MatrixOperand right = new MatrixOperand();
  private final Scratch scratch = new Scratch();
  private MemorySegment work = MemorySegment.NULL;

  private MemorySegment out = MemorySegment.NULL;
  private long base;
  private @Nullable MemorySegment targets;
  private long targetsAt;
  private @Nullable MemorySegment bias;
  private boolean accumulate;
  private boolean rounded;
  private int rows;
  private int columns;
  private int depth;

  // How the work is cut.
  private int rowParts;
  private int columnParts;
  private int blocks;
  private int panelsPerBlock;
  private int depthBlocks;
  private boolean keepLeft;

  // Where things are in the memory of a thread: tile, panels, then strips.
  private long stripsAt;
  private long threadBytes;

  /**
   * @param kernels that are used where there are any; not closed here
   */
  MatrixProduct(Workers workers, NativeProducts kernels) {
    this.workers = workers;
    this.kernels = kernels;
  }

  /** The left operand, whose lanes are the rows of the result; to be set before a call. */
  MatrixOperand left() {
    return left;
  }

  /** The right operand, whose lanes are the columns of the result; to be set before a call. */
  MatrixOperand right() {
    return right;
  }

  /**
   * Computes {@code out = left right + bias}.
   *
   * @param base byte of {@code out} at which the result [rows, columns] begins
   * @param depth what is summed over
   */
  void assign(
      MemorySegment out,
      long base,
      int rows,
      int columns,
      int depth,
      @Nullable MemorySegment bias) {
    targets = null;
    this.bias = bias;
    accumulate = false;
    rounded = false;
    run(out, base, rows, columns, depth);
  }

  /**
   * Computes {@code out += left right}.
   *
   * @param rounded whether operands of F32 may be rounded to BF16; those are that meet one of BF16
   */
  void add(MemorySegment out, long base, int rows, int columns, int depth, boolean rounded) {
    targets = null;
    bias = null;
    accumulate = true;
    this.rounded = rounded;
    run(out, base, rows, columns, depth);
  }

  /**
   * Computes {@code out[targets[n]] (+)= left[n] right}; no target occurs twice.
   *
   * @param targetsAt byte at which the ints begin
   * @param rounded as for {@link #add}
   */
  void scatter(
      MemorySegment out,
      MemorySegment targets,
      long targetsAt,
      boolean accumulate,
      int rows,
      int columns,
      int depth,
      boolean rounded) {
    this.targets = targets;
    this.targetsAt = targetsAt;
    bias = null;
    this.accumulate = accumulate;
    this.rounded = rounded;
    run(out, 0, rows, columns, depth);
  }

  private void run(MemorySegment out, long base, int rows, int columns, int depth) {
    this.out = out;
    this.base = base;
    this.rows = rows;
    this.columns = columns;
    this.depth = depth;
    if (rows == 0 || columns == 0) {
      return;
    }
    ProductKernel kernel = kernels.forPlain(rounded || left.half() || right.half());
    if (kernel != null) {
      NativeProduct product = kernels.product();
      product.left(left);
      product.right(right);
      product.run(kernel, out, base, rows, columns, depth, bias, targets, targetsAt, accumulate);
      return;
    }
    int parts = (long) rows * columns * depth < SMALL ? 1 : workers.count();
    depthBlocks = Math.max(1, ceil(depth, DEPTH));
    cut(parts);
    work = scratch.reserve(parts * threadBytes);
    if (parts == 1) {
      run(0, 1);
    } else {
      workers.run(this);
    }
  }

  /**
   * Chooses into how many parts the rows are split; the remaining factor splits the columns. Split
   * rows make several threads pack the same columns, and the other way round.
   */
  private void cut(int parts) {
    double best = Double.MAX_VALUE;
    int bestParts = 1;
    for (int candidate = 1; candidate <= parts; candidate++) {
      double cost = cost(candidate, parts / candidate);
      if (cost < best) {
        best = cost;
        bestParts = candidate;
      }
    }
    cost(bestParts, parts / bestParts);
    stripsAt = TILE_BYTES + 4L * WIDTH * panelsPerBlock * blockDepth();
    long strips = keepLeft ? (long) ceil(strips(), rowParts) * depthBlocks : GROUP;
    threadBytes = Scratch.align(stripsAt + strips * stripBytes());
  }

  /** Sets how the work is cut, and returns about the time of a part. */
  private double cost(int rowParts, int columnParts) {
    this.rowParts = rowParts;
    this.columnParts = columnParts;
    int strips = ceil(strips(), rowParts);
    int panels = ceil(panels(), columnParts);
    blocks = ceil(panels, PANELS);
    panelsPerBlock = ceil(panels, blocks);
    keepLeft = blocks > 1 && strips * depthBlocks * stripBytes() <= KEPT;
    double lefts = (double) strips * ROWS * left.packingCost() * (keepLeft ? 1 : blocks);
    double rights = (double) panels * WIDTH * right.packingCost();
    return (double) strips * panels * (ROWS * WIDTH / 4) + lefts + rights;
  }

  private static int ceil(int a, int b) {
    return (a + b - 1) / b;
  }

  private int strips() {
    return ceil(rows, ROWS);
  }

  private int panels() {
    return ceil(columns, WIDTH);
  }

  /** The greatest depth of a block. */
  private int blockDepth() {
    return depthAt(1);
  }

  /** Where a block of the depth begins: at an even place, as the kernel of 4 rows wants it. */
  private int depthAt(int block) {
    int even = (ceil(depth, depthBlocks) + 1) / 2 * 2;
    return Math.min(depth, block * even);
  }

  private long stripBytes() {
    return 4L * ROWS * blockDepth();
  }

  @Override
  public void run(int part, int parts) {
    int column = part / rowParts;
    if (column >= columnParts) {
      return; // More threads than parts that fit.
    }
    int strip = Workers.share(strips(), part % rowParts, rowParts);
    int endStrip = Workers.share(strips(), part % rowParts + 1, rowParts);
    int panel = Workers.share(panels(), column, columnParts);
    int endPanel = Workers.share(panels(), column + 1, columnParts);
    long memory = part * threadBytes;
    for (int block = 0; block < blocks; block++) {
      int from = panel + Workers.share(endPanel - panel, block, blocks);
      int to = panel + Workers.share(endPanel - panel, block + 1, blocks);
      for (int d = 0; d < depthBlocks; d++) {
        packPanels(memory + TILE_BYTES, from, to, d);
        multiply(memory, from, to, strip, endStrip, d, block == 0 || !keepLeft);
      }
    }
  }

  private void packPanels(long at, int from, int to, int d) {
    int start = depthAt(d);
    int length = depthAt(d + 1) - start;
    int whole = Math.min(to, columns / WIDTH) - from;
    long panelBytes = 4L * WIDTH * length;
    int copied = right.packCopies(work, at, panelBytes, WIDTH, from * WIDTH, whole, start, length);
    for (int panel = from + copied; panel < to; panel++) {
      int first = panel * WIDTH;
      int lanes = Math.min(WIDTH, columns - first);
      right.pack(work, at + panelBytes * (panel - from), WIDTH, first, lanes, start, length);
    }
  }

  private void multiply(
      long memory, int from, int to, int strip, int endStrip, int d, boolean pack) {
    int length = depthAt(d + 1) - depthAt(d);
    for (int group = strip; group < endStrip; group += GROUP) {
      int end = Math.min(endStrip, group + GROUP);
      long strips = (long) d * ceil(strips(), rowParts) + group - strip;
      long at = memory + stripsAt + (keepLeft ? strips * stripBytes() : 0);
      if (pack) {
        packStrips(at, group, end, d);
      }
      for (int s = group; s < end; s++, at += stripBytes()) {
        int height = GemmKernel.stripRows(rows - s * ROWS, length);
        for (int panel = from; panel < to; panel++) {
          long right = memory + TILE_BYTES + 4L * (panel - from) * WIDTH * length;
          GemmKernel.multiply(work, at, work, right, work, memory, height, length);
          store(memory, s * ROWS, panel * WIDTH, d == 0);
        }
      }
    }
  }

  private void packStrips(long at, int strip, int end, int d) {
    int start = depthAt(d);
    int length = depthAt(d + 1) - start;
    int whole = Math.min(end, rows / ROWS) - strip;
    int copied = left.packCopies(work, at, stripBytes(), ROWS, strip * ROWS, whole, start, length);
    for (int s = strip + copied; s < end; s++) {
      int row = s * ROWS;
      int height = GemmKernel.stripRows(rows - row, length);
      int lanes = Math.min(height, rows - row);
      left.pack(work, at + (s - strip) * stripBytes(), height, row, lanes, start, length);
    }
  }

  private void store(long tile, int row, int column, boolean first) {
    int height = Math.min(ROWS, rows - row);
    int width = Math.min(WIDTH, columns - column);
    boolean add = accumulate || !first;
    MemorySegment targets = this.targets;
    if (targets == null) {
      long to = base + 4L * ((long) row * columns + column);
      store(to, tile, height, width, add, column);
      return;
    }
    for (int r = 0; r < height; r++) {
      long target = targets.get(JAVA_INT, targetsAt + 4L * (row + r));
      long to = base + 4L * (target * columns + column);
      store(to, tile + 4L * r * WIDTH, 1, width, add, column);
    }
  }

  private void store(long to, long tile, int height, int width, boolean add, int column) {
    if (add) {
      GemmLoops.addTile(out, to, 4L * columns, work, tile, height, width);
      return;
    }
    for (int r = 0; r < height; r++) {
      GemmLoops.copyRow(
          out, to + 4L * r * columns, work, tile + 4L * r * WIDTH, bias, column, width);
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
