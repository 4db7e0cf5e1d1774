package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The matrix product {@code out = x w^T + bias} for several rows of x, in float32 whatever the type
 * of w: 512 columns of 32 rows of w at a time are unpacked to a panel that stays in the
 * second-level cache and is used for all rows of x, which were packed into strips before (Goto and
 * van de Geijn 2008, with the roles of the operands exchanged).
 *
 * <p>Rows may be gathered and scattered, so that the rows which chose one expert form one product.
 */
final class Gemm implements AutoCloseable {
  /**
   * Columns of x and w in a panel; 512 of them take 64 KiB beside the strip of x that is being
   * used.
   */
  static final int DEPTH = 2 * PanelReader.COLUMN_STEP;

  /**
   * Rows of x packed at a time: bounds the memory, and unpacking w again for the next ones costs
   * little by then.
   */
  private static final int ROW_BLOCK = 512;

  /** Multiplications below which a second thread costs more than it saves. */
  private static final long SMALL = 1 << 16;

  private static final long PANEL_BYTES = 4L * DEPTH * GemmKernel.WIDTH;

  private static final long TILE_BYTES = 4L * GemmKernel.ROWS * GemmKernel.WIDTH;

  private final Workers workers;
  private final Workers.Task pack = this::pack;
  private final Workers.Task multiply = this::multiply;

  /** The packed rows, then for each thread a panel, a spare tile and a column of result tiles. */
  private final Scratch scratch = new Scratch();

  private MemorySegment work = MemorySegment.NULL;
  private long threadsAt;
  private long threadBytes;
  private int rowParts;

  private MemorySegment out = MemorySegment.NULL;
  private MemorySegment x = MemorySegment.NULL;
  private MemorySegment weight = MemorySegment.NULL;
  private @Nullable MemorySegment bias;
  private @Nullable MemorySegment indices;
  private long sourcesAt;
  private long targetsAt;
  private @Nullable PanelReader reader;
  private long base;
  private int inputs;
  private int outputs;

  /** The rows of the current block. */
  private int firstRow;

  private int rows;

  Gemm(Workers workers) {
    this.workers = workers;
  }

  /**
   * Computes {@code out[n] = w x[n] + bias} for n in 0..rows-1.
   *
   * @param base byte of {@code weight} at which w begins
   * @param outputs O, rows of w
   * @param inputs I, columns of w and x
   * @param bias O floats
   */
  void run(
      MemorySegment out,
      MemorySegment x,
      PanelReader reader,
      MemorySegment weight,
      long base,
      int rows,
      int outputs,
      int inputs,
      @Nullable MemorySegment bias) {
    indices = null;
    this.bias = bias;
    run(out, x, reader, weight, base, rows, outputs, inputs);
  }

  /**
   * Computes {@code out[target[n]] = w x[source[n]]} for n in 0..rows-1.
   *
   * @param indices the ints source and target
   * @param sourcesAt byte of {@code indices} at which the sources begin
   * @param targetsAt the same for the targets
   */
  void run(
      MemorySegment out,
      MemorySegment x,
      MemorySegment indices,
      long sourcesAt,
      long targetsAt,
      PanelReader reader,
      MemorySegment weight,
      long base,
      int rows,
      int outputs,
      int inputs) {
    this.indices = indices;
    this.sourcesAt = sourcesAt;
    this.targetsAt = targetsAt;
    bias = null;
    run(out, x, reader, weight, base, rows, outputs, inputs);
  }

  private void run(
      MemorySegment out,
      MemorySegment x,
      PanelReader reader,
      MemorySegment weight,
      long base,
      int rows,
      int outputs,
      int inputs) {
    this.out = out;
    this.x = x;
    this.reader = reader;
    this.weight = weight;
    this.base = base;
    this.outputs = outputs;
    this.inputs = inputs;
    int blocks = ceil(rows, ROW_BLOCK);
    for (int block = 0; block < blocks; block++) {
      firstRow = Workers.share(rows, block, blocks);
      this.rows = Workers.share(rows, block + 1, blocks) - firstRow;
      runBlock();
    }
  }

  private void runBlock() {
    int padded = paddedRows(rows);
    threadsAt = Scratch.align(4L * padded * inputs);
    threadBytes = PANEL_BYTES + TILE_BYTES + 4L * padded * GemmKernel.WIDTH;
    long multiplications = (long) rows * inputs * outputs;
    int parts = multiplications < SMALL ? 1 : workers.count();
    work = scratch.reserve(threadsAt + parts * threadBytes);
    rowParts = rowParts(strips(rows), units(outputs), parts);
    if (parts == 1) {
      pack.run(0, 1);
      multiply.run(0, 1);
    } else {
      workers.run(pack);
      workers.run(multiply);
    }
  }

  /**
   * Into how many parts the rows are split; the remaining factor of {@code parts} splits the
   * columns. Splitting rows makes several threads unpack the same panel, which costs as much as a
   * strip.
   */
  private static int rowParts(int strips, int units, int parts) {
    int best = 1;
    long bestCost = Long.MAX_VALUE;
    for (int rowParts = 1; rowParts <= parts; rowParts++) {
      int columnParts = parts / rowParts;
      long cost = (long) ceil(units, columnParts) * (ceil(strips, rowParts) + 1);
      if (cost < bestCost) {
        bestCost = cost;
        best = rowParts;
      }
    }
    return best;
  }

  private static int ceil(int a, int b) {
    return (a + b - 1) / b;
  }

  private static int units(int outputs) {
    return ceil(outputs, GemmKernel.WIDTH);
  }

  private static int strips(int rows) {
    return ceil(rows, GemmKernel.ROWS);
  }

  private int paddedRows(int rows) {
    int last = (strips(rows) - 1) * GemmKernel.ROWS;
    return last + GemmKernel.stripRows(rows - last, inputs);
  }

  /** Byte of the packed strip that begins at {@code row}, for the columns from {@code from} on. */
  private long stripAt(int row, int from, int depth) {
    return 4L * ((long) from * paddedRows(rows) + (long) row * depth);
  }

  private void pack(int part, int parts) {
    int strips = strips(rows);
    int end = Workers.share(strips, part + 1, parts);
    for (int strip = Workers.share(strips, part, parts); strip < end; strip++) {
      int row = strip * GemmKernel.ROWS;
      int height = GemmKernel.stripRows(rows - row, inputs);
      for (int from = 0; from < inputs; from += DEPTH) {
        int depth = Math.min(DEPTH, inputs - from);
        long at = stripAt(row, from, depth);
        for (int r = 0; r < height; r++) {
          if (row + r < rows) {
            long source = 4L * ((long) index(sourcesAt, firstRow + row + r) * inputs + from);
            PackLoops.interleave(x, source, work, at + 4L * r, height, depth);
          } else {
            PackLoops.clear(work, at + 4L * r, height, depth);
          }
        }
      }
    }
  }

  private int index(long at, int n) {
    MemorySegment indices = this.indices;
    return indices == null ? n : indices.get(JAVA_INT, at + 4L * n);
  }

  private void multiply(int part, int parts) {
    int columnParts = parts / rowParts;
    int column = part / rowParts;
    if (column >= columnParts) {
      return; // More threads than parts that fit.
    }
    int strips = strips(rows);
    int fromRow = GemmKernel.ROWS * Workers.share(strips, part % rowParts, rowParts);
    int toRow =
        Math.min(rows, GemmKernel.ROWS * Workers.share(strips, part % rowParts + 1, rowParts));
    int units = units(outputs);
    long panel = threadsAt + part * threadBytes;
    int end = Workers.share(units, column + 1, columnParts);
    for (int unit = Workers.share(units, column, columnParts); unit < end; unit++) {
      int output = unit * GemmKernel.WIDTH;
      tiles(panel, output, fromRow, toRow);
    }
  }

  /** The columns output..output+WIDTH-1 of the result for some rows. */
  private void tiles(long panel, int output, int fromRow, int toRow) {
    long spare = panel + PANEL_BYTES;
    long tiles = spare + TILE_BYTES;
    for (int from = 0; from < inputs; from += DEPTH) {
      int depth = Math.min(DEPTH, inputs - from);
      unpack(panel, output, from, from + depth);
      for (int row = fromRow; row < toRow; row += GemmKernel.ROWS) {
        long tile = tiles + 4L * (row - fromRow) * GemmKernel.WIDTH;
        int height = GemmKernel.stripRows(rows - row, inputs);
        long product = from == 0 ? tile : spare;
        GemmKernel.multiply(
            work, stripAt(row, from, depth), work, panel, work, product, height, depth);
        if (from > 0) {
          GemmLoops.add(work, tile, spare, height);
        }
      }
    }
    int width = Math.min(GemmKernel.WIDTH, outputs - output);
    for (int row = fromRow; row < toRow; row++) {
      long target = 4L * ((long) index(targetsAt, firstRow + row) * outputs + output);
      long tile = tiles + 4L * (row - fromRow) * GemmKernel.WIDTH;
      GemmLoops.copyRow(out, target, work, tile, bias, output, width);
    }
  }

  private void unpack(long panel, int output, int from, int to) {
    PanelReader reader = this.reader;
    if (reader == null) {
      throw new IllegalStateException("no operands");
    }
    for (int r = 0; r < GemmKernel.WIDTH && output + r < outputs; r += PanelReader.ROWS) {
      reader.read(
          weight,
          base,
          outputs,
          inputs,
          output + r,
          from,
          to,
          work,
          panel + 4L * r,
          GemmKernel.WIDTH);
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
