package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jllm.tensor.DType;
import jllm.tensor.Storage;

/**
 * The order in which this backend keeps a weight [O, I]: tiles of 16 rows, one after the other,
 * each a single forward stream of cache lines. A line holds 32 bits of each of the 16 rows, so that
 * a kernel has 16 outputs in the lanes of a vector and never adds lanes up, whatever the type; the
 * bits are those of the file, moved. A tile takes the bytes that its rows take in the file (the
 * last one and rows of odd length are filled up with zeros).
 *
 * <p>Formats have no state: any number of threads may use one.
 */
abstract class PackedFormat implements Storage.Packing, PanelReader {
  /** Bytes of a line. */
  static final long LINE = 4L * ROWS;

  /** Vectors in a line; a kernel whose vectors are shorter goes through a tile once for each. */
  static final int GROUPS = ROWS / Lanes.COUNT;

  /** Bytes of a vector. */
  static final long VECTOR = 4L * Lanes.COUNT;

  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final DType dtype;

  PackedFormat(DType dtype) {
    this.dtype = dtype;
  }

  /**
   * The format for weights of a type.
   *
   * @throws IllegalArgumentException if this backend has no kernels for it
   */
  static PackedFormat of(DType dtype) {
    return switch (dtype) {
      case F32 -> PackedF32.INSTANCE;
      case F16 -> PackedF16.INSTANCE;
      case BF16 -> PackedBf16.INSTANCE;
      case Q8_0 -> PackedQ80.INSTANCE;
      case Q4_0 -> PackedQ40.INSTANCE;
      case Q4_K -> PackedQ4K.INSTANCE;
      case Q6_K -> PackedQ6K.INSTANCE;
      case Q4_1 -> PackedQ41.INSTANCE;
      case Q5_0 -> PackedQ50.INSTANCE;
      case Q5_1 -> PackedQ51.INSTANCE;
      case Q2_K -> PackedQ2K.INSTANCE;
      case Q3_K -> PackedQ3K.INSTANCE;
      case Q5_K -> PackedQ5K.INSTANCE;
      case IQ4_NL -> PackedIq4Nl.INSTANCE;
      case IQ4_XS -> PackedIq4Xs.INSTANCE;
      case F64, I32 ->
          throw new IllegalArgumentException(
              "the CPU backend cannot multiply with weights of type " + dtype);
    };
  }

  DType dtype() {
    return dtype;
  }

  /** Bytes of 16 rows. */
  abstract long tileBytes(int columns);

  static int tiles(int rows) {
    return (rows + ROWS - 1) / ROWS;
  }

  /** Bytes of a packed weight. */
  long bytes(int rows, int columns) {
    return tiles(rows) * tileBytes(columns);
  }

  /**
   * Packs up to 16 rows into a tile.
   *
   * @param source row-major memory
   * @param from byte of the first row
   * @param count rows, 1 to 16
   * @param to byte of {@code target} at which the tile begins
   */
  abstract void pack(
      MemorySegment source, long from, int count, int columns, MemorySegment target, long to);

  /**
   * Writes a row back as the file had it.
   *
   * @param tile byte of {@code packed} at which the row's tile begins
   * @param lane of the row in its tile
   */
  abstract void restore(MemorySegment packed, long tile, int lane, int columns, MemorySegment row);
}
