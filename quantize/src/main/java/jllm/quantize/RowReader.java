package jllm.quantize;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;
import jllm.tensor.quant.BlockCodec;

/** Decodes rows of a tensor, one after the other, and looks whether they hold numbers. */
final class RowReader {
  private final BlockCodec codec;
  private final long rowBytes;
  private final float[] values;

  RowReader(DType type, int columns) {
    codec = BlockCodec.of(type);
    rowBytes = type.bytes(columns);
    values = new float[columns];
  }

  /** The row that was read last. */
  float[] values() {
    return values;
  }

  /**
   * Reads a row.
   *
   * @param source rows of the tensor
   * @return what is wrong with the row, empty if nothing is
   */
  String read(MemorySegment source, long row) {
    codec.decode(source, row * rowBytes, values, 0, values.length);
    if (isFinite(values)) {
      return "";
    }
    int column = 0;
    while (Float.isFinite(values[column])) {
      column++;
    }
    return ", column "
        + column
        + " is "
        + values[column]
        + ", expected a finite number; such a model computes nothing, make or download it again";
  }

  /** By the exponent, since the largest of many integers is found faster than the sum of floats. */
  static boolean isFinite(float[] values) {
    int largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Float.floatToRawIntBits(value) & Integer.MAX_VALUE);
    }
    return largest < 0x7f800000;
  }
}
