package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;

/** Blocks that are unpacked a vector of rows at a time, for {@link Gemm}. */
abstract class PackedGroups extends PackedBlocks {
  private final int length;
  private final int scaleLine;

  /** As {@link PackedBlocks}: words as they are, in the order of the file. */
  PackedGroups(DType dtype, int wordsAt, int halfAt) {
    this(dtype, wordsAt, halfAt, -1);
  }

  /**
   * @param fifths which word holds fifth bits, -1 if none does
   */
  PackedGroups(DType dtype, int wordsAt, int halfAt, int fifths) {
    super(dtype, wordsAt, halfAt, fifths);
    this.length = dtype.blockLength();
    this.scaleLine = dtype.blockBytes() / Integer.BYTES;
  }

  @Override
  public final void read(
      MemorySegment weight,
      long base,
      int rows,
      int columns,
      int row,
      int from,
      int to,
      MemorySegment panel,
      long at,
      int stride) {
    long block = base + row / ROWS * tileBytes(columns) + from / length * packedBytes();
    long step = 4L * stride;
    for (int k = from; k < to; k += length, block += packedBytes(), at += length * step) {
      for (int v = 0; v < GROUPS; v++) {
        long half = block + scaleLine * LINE + v * VECTOR / 2;
        unpack(weight, block + v * VECTOR, half, panel, at + v * VECTOR, step);
      }
    }
  }

  /**
   * Writes the values of a block, one vector of rows for each column.
   *
   * @param line byte of the vector in the first line of the block
   * @param half byte of the vector's 16-bit scales, where the type has them behind the lines
   * @param step bytes between columns of the panel
   */
  abstract void unpack(
      MemorySegment weight, long line, long half, MemorySegment panel, long at, long step);
}
