package jllm.tensor.scalar;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/** Tensors written out by hand. */
final class Given {
  private Given() {}

  /** F64 [rows, values / rows]. */
  static Tensor rows(int rows, double... values) {
    Tensor tensor =
        Tensor.allocate(Arena.ofAuto(), DType.F64, Shape.of(rows, values.length / rows));
    for (int i = 0; i < values.length; i++) {
      tensor.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, i, values[i]);
    }
    return tensor;
  }

  /** I32 [rows, values / rows]. */
  static Tensor indices(int rows, int... values) {
    Tensor tensor =
        Tensor.allocate(Arena.ofAuto(), DType.I32, Shape.of(rows, values.length / rows));
    for (int i = 0; i < values.length; i++) {
      tensor.segment().setAtIndex(ValueLayout.JAVA_INT, i, values[i]);
    }
    return tensor;
  }

  /** F64, filled with NaN: whatever is not overwritten shows. */
  static Tensor out(int rows, int columns) {
    double[] values = new double[rows * columns];
    Arrays.fill(values, Double.NaN);
    return rows(rows, values);
  }

  static double[] values(Tensor tensor) {
    double[] values = new double[(int) tensor.shape().elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.segment().getAtIndex(ValueLayout.JAVA_DOUBLE, i);
    }
    return values;
  }

  static int[] ints(Tensor tensor) {
    int[] values = new int[(int) tensor.shape().elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.segment().getAtIndex(ValueLayout.JAVA_INT, i);
    }
    return values;
  }
}
