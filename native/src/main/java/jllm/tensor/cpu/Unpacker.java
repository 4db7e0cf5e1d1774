package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Brings rows of a packed weight back into row-major float32, for the derivative of a layer whose
 * weight is frozen.
 */
final class Unpacker implements Workers.Task, AutoCloseable {
  /** Rows unpacked at a time. */
  static final int ROWS = 256;

  private static final int TILE = PanelReader.ROWS;
  private static final int STEP = PanelReader.COLUMN_STEP;
  private static final long PANEL_BYTES = 4L * TILE * STEP;

  private final Workers workers;

  /** For each thread a panel, then the rows. */
  private final Scratch scratch = new Scratch();

  private MemorySegment work = MemorySegment.NULL;
  private MemorySegment target = MemorySegment.NULL;
  private PanelReader reader = PackedF32.INSTANCE;
  private MemorySegment weight = MemorySegment.NULL;
  private long base;
  private int outputs;
  private int inputs;
  private int first;
  private int count;

  Unpacker(Workers workers) {
    this.workers = workers;
  }

  /**
   * The rows first..first+count-1 of a weight, valid until the next call.
   *
   * @param base byte at which the weight begins
   * @param outputs rows of the weight
   * @param inputs columns
   * @param first a multiple of {@link PanelReader#ROWS}
   * @param count at most {@link #ROWS}
   */
  MemorySegment rows(
      PanelReader reader,
      MemorySegment weight,
      long base,
      int outputs,
      int inputs,
      int first,
      int count) {
    this.reader = reader;
    this.weight = weight;
    this.base = base;
    this.outputs = outputs;
    this.inputs = inputs;
    this.first = first;
    this.count = count;
    long panels = PANEL_BYTES * workers.count();
    work = scratch.reserve(panels + 4L * ROWS * inputs);
    target = work.asSlice(panels);
    workers.run(this);
    return target;
  }

  @Override
  public void run(int part, int parts) {
    long panel = PANEL_BYTES * part;
    int tiles = (count + TILE - 1) / TILE;
    int end = Workers.share(tiles, part + 1, parts);
    for (int tile = Workers.share(tiles, part, parts); tile < end; tile++) {
      int row = tile * TILE;
      int rows = Math.min(TILE, count - row);
      for (int from = 0; from < inputs; from += STEP) {
        int to = Math.min(inputs, from + STEP);
        reader.read(weight, base, outputs, inputs, first + row, from, to, work, panel, TILE);
        transpose(panel, 4L * ((long) row * inputs + from), to - from, rows);
      }
    }
  }

  /** {@code target[row][column] = panel[column][row]}. */
  private void transpose(long panel, long to, int columns, int rows) {
    int k = 0;
    for (; k < columns - 1; k += 2) {
      long at = panel + 4L * TILE * k;
      PackLoops.interleave(work, at, at + 4L * TILE, target, to + 4L * k, inputs, rows);
    }
    if (k < columns) {
      PackLoops.interleave(work, panel + 4L * TILE * k, target, to + 4L * k, inputs, rows);
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
