package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Unpacks a weight [O, I] of one type and order into float32 panels for the matrix product,
 * whatever its bytes look like. One object a format, without state: any number of threads may read
 * at the same time.
 */
interface PanelReader {
  /** Rows of a panel, as many as there are floats in 512 bits; packed weights are tiled by it. */
  int ROWS = 16;

  /**
   * Columns from which a panel may start, and of which it has a multiple unless it ends with the
   * row.
   */
  int COLUMN_STEP = 256;

  /**
   * Writes {@code panel[(k - from) * stride + r] = weight[row + r, k]} for r in 0..15 and k in
   * {@code from..to-1}; rows beyond the last are written as zeros.
   *
   * @param weight memory of the weight
   * @param base byte of {@code weight} at which row 0 begins (a slice of an expert weight begins
   *     later than 0)
   * @param rows O
   * @param columns I
   * @param row first row, a multiple of {@link #ROWS}
   * @param from first column, a multiple of {@link #COLUMN_STEP}
   * @param to end of the columns: a multiple of {@link #COLUMN_STEP} or I
   * @param panel native memory, aligned to 64 bytes
   * @param at byte of {@code panel} at which element (0, from) goes, a multiple of 64
   * @param stride floats between columns in the panel, a multiple of 16
   */
  void read(
      MemorySegment weight,
      long base,
      int rows,
      int columns,
      int row,
      int from,
      int to,
      MemorySegment panel,
      long at,
      int stride);
}
