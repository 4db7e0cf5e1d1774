package jllm.quantize;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;
import jllm.tensor.quant.BlockCodec;

/** Decodes rows of a tensor, one after the other, and looks whether they hold numbers. */
final class RowReader {
  private final BlockCodec codec;
  private final long rowBytes;
  private final float[] values;
  private final float[] zeros;
  private double squares;

  RowReader(DType type, int columns) {
    codec = BlockCodec.of(type);
    rowBytes = type.bytes(columns);
    values = new float[columns];
    zeros = new float[columns];
  }

  /** The row that was read last. */
  float[] values() {
    return values;
  }

  /** The sum of its squares. */
  double squares() {
    return squares;
  }

  /**
   * Reads a row.
   *
   * @param source rows of the tensor
   * @return what is wrong with the row, empty if nothing is
   */
  String read(MemorySegment source, long row) {
    codec.decode(source, row * rowBytes, values, 0, values.length);
    squares = squaredDistance(values, zeros);
    if (Double.isFinite(squares)) {
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

  /**
   * The sum of the squares of differences: of floats it is finite if and only if all of them are.
   * Of four sums none waits for another.
   */
  static double squaredDistance(float[] x, float[] y) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = 0;
    for (; i < x.length - 3; i += 4) {
      double first = (double) x[i] - y[i];
      double second = (double) x[i + 1] - y[i + 1];
      double third = (double) x[i + 2] - y[i + 2];
      double fourth = (double) x[i + 3] - y[i + 3];
      a += first * first;
      b += second * second;
      c += third * third;
      d += fourth * fourth;
    }
    for (; i < x.length; i++) {
      double rest = (double) x[i] - y[i];
      a += rest * rest;
    }
    return a + b + (c + d);
  }
}
