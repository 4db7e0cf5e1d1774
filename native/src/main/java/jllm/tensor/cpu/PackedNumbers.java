package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.DType;

/** Types without blocks: a line holds one F32 of each row, or two consecutive F16 or BF16. */
abstract class PackedNumbers extends PackedFormat {
  /** Rows are filled up to whole groups of lines, which the kernels work in. */
  static final int LINES = 4;

  private final int size;

  PackedNumbers(DType dtype) {
    super(dtype);
    this.size = dtype.blockBytes();
  }

  /** Columns that a kernel takes at once. */
  final int step() {
    return LINES * Integer.BYTES / size;
  }

  final int paddedColumns(int columns) {
    return (columns + step() - 1) / step() * step();
  }

  @Override
  public final String name() {
    return "rows16";
  }

  @Override
  final long tileBytes(int columns) {
    return (long) paddedColumns(columns) * size * ROWS;
  }

  @Override
  final void pack(
      MemorySegment source, long from, int count, int columns, MemorySegment target, long to) {
    long rowBytes = (long) columns * size;
    long end = paddedColumns(columns) * (long) size;
    for (long at = 0; at < end; at += LINES * Integer.BYTES) {
      boolean whole = at + LINES * Integer.BYTES <= rowBytes;
      for (int row = 0; row < ROWS; row++) {
        long place = to + at * ROWS + row * 4L;
        if (row < count && whole) {
          copy(source, from + row * rowBytes + at, target, place);
        } else {
          long left = row < count ? Math.max(0, rowBytes - at) : 0;
          copyPart(source, from + row * rowBytes + at, left, target, place);
        }
      }
    }
  }

  private static void copy(MemorySegment source, long from, MemorySegment target, long to) {
    target.set(INT, to, source.get(INT, from));
    target.set(INT, to + LINE, source.get(INT, from + 4));
    target.set(INT, to + 2 * LINE, source.get(INT, from + 8));
    target.set(INT, to + 3 * LINE, source.get(INT, from + 12));
  }

  /** The last bytes of a row, then zeros. */
  private static void copyPart(
      MemorySegment source, long from, long bytes, MemorySegment target, long to) {
    for (int line = 0; line < LINES; line++) {
      int value = 0;
      for (int i = 0; i < Integer.BYTES && line * Integer.BYTES + i < bytes; i++) {
        value |=
            Byte.toUnsignedInt(source.get(ValueLayout.JAVA_BYTE, from + line * 4L + i)) << 8 * i;
      }
      target.set(INT, to + line * LINE, value);
    }
  }

  @Override
  final void restore(MemorySegment packed, long tile, int lane, int columns, MemorySegment row) {
    long bytes = (long) columns * size;
    for (long at = 0; at < bytes; at += Integer.BYTES) {
      int value = packed.get(INT, tile + at * ROWS + lane * 4L);
      if (at + Integer.BYTES <= bytes) {
        row.set(INT, at, value);
      } else {
        row.set(SHORT, at, (short) value);
      }
    }
  }
}
