package jllm.tensor.cuda;

/**
 * Rows sorted by the experts that they chose, on the device: how many each one has is not known to
 * the host.
 *
 * @param order address of I32 [rows]: the rows of the first expert, those of the second one, ...
 * @param starts address of I32 [experts + 1]: where those of each begin
 * @param tiles address of I32 [tileCount, 3]: expert, place in order, rows; the last ones may be 0
 */
record ExpertGroups(long order, long starts, long tiles, int tileCount) {
  private static final int TILE_ENTRY = 3;
  private static final int WARP = 32;
  private static final int MOST_WARPS = 32;

  /** Rows of a warp, up to that many warps. */
  private static final int ROWS_OF_A_WARP = 4 * WARP;

  /**
   * Sorts them, with one launch.
   *
   * @param chosen address of I32 [rows]
   * @param tileRows the most rows of a tile
   */
  static ExpertGroups of(
      Gpu gpu, long chosen, int rows, int experts, int tileRows, Scratch scratch) {
    int tileCount = Math.ceilDiv(rows, tileRows) + experts;
    long numbers = (long) rows + experts + 1 + (long) TILE_ENTRY * tileCount;
    long order = scratch.bytes(numbers * Integer.BYTES);
    long starts = order + (long) rows * Integer.BYTES;
    long tiles = starts + (experts + 1L) * Integer.BYTES;
    int warps = Math.clamp(Math.ceilDiv(rows, ROWS_OF_A_WARP), 1, MOST_WARPS);
    gpu.kernel(KernelSource.EXPERTS, "group_rows")
        .longs(order, starts, tiles, chosen)
        .ints(rows, experts, tileRows, tileCount)
        .start(experts, 1, 1, warps * WARP, 1, experts * Integer.BYTES);
    return new ExpertGroups(order, starts, tiles, tileCount);
  }
}
