package jllm.tensor.scalar;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.quant.BlockCodec;
import jllm.tensor.quant.BlockEncoder;
import org.jspecify.annotations.Nullable;

/** Rows of tensors of any type as doubles, and back. */
final class Rows {
  private Rows() {}

  /** Row {@code row} of all rows of the last dimension. */
  static double[] read(Tensor tensor, long row) {
    int columns = tensor.columns();
    double[] values = new double[columns];
    MemorySegment memory = tensor.segment();
    long offset = row * tensor.dtype().bytes(columns);
    if (tensor.dtype() == DType.F64) {
      MemorySegment.copy(memory, ValueLayout.JAVA_DOUBLE_UNALIGNED, offset, values, 0, columns);
      return values;
    }
    float[] decoded = new float[columns];
    BlockCodec.of(tensor.dtype()).decode(memory, offset, decoded, 0, columns);
    for (int i = 0; i < columns; i++) {
      values[i] = decoded[i];
    }
    return values;
  }

  /** All rows. */
  static double[][] readAll(Tensor tensor) {
    double[][] rows = new double[tensor.rows()][];
    for (int r = 0; r < rows.length; r++) {
      rows[r] = read(tensor, r);
    }
    return rows;
  }

  /** The elements of a vector, which may be stored with any shape; null if it is absent. */
  static double @Nullable [] vector(@Nullable Tensor tensor) {
    return tensor == null
        ? null
        : read(tensor.reshape(Math.toIntExact(tensor.shape().elements())), 0);
  }

  /** The rows of an I32 tensor. */
  static int[] readIndices(Tensor tensor) {
    int[] indices = new int[Math.toIntExact(tensor.shape().elements())];
    MemorySegment.copy(tensor.segment(), ValueLayout.JAVA_INT, 0, indices, 0, indices.length);
    return indices;
  }

  /** Overwrites row {@code row} of a tensor of type F32 or F64. */
  static void write(Tensor tensor, long row, double[] values) {
    MemorySegment memory = tensor.segment();
    long first = row * tensor.columns();
    if (tensor.dtype() == DType.F64) {
      for (int i = 0; i < values.length; i++) {
        memory.setAtIndex(ValueLayout.JAVA_DOUBLE, first + i, values[i]);
      }
    } else {
      for (int i = 0; i < values.length; i++) {
        memory.setAtIndex(ValueLayout.JAVA_FLOAT, first + i, (float) values[i]);
      }
    }
  }

  /** {@code row += values} in a tensor of type F32 or F64. */
  static void add(Tensor tensor, long row, double[] values) {
    double[] sums = read(tensor, row);
    for (int i = 0; i < sums.length; i++) {
      sums[i] += values[i];
    }
    write(tensor, row, sums);
  }

  /** {@code vector += values}, stored with any shape. */
  static void addToVector(Tensor vector, double[] values) {
    add(vector.reshape(values.length), 0, values);
  }

  /** Overwrites row {@code row} of a tensor of any type that can be encoded. */
  static void store(Tensor tensor, long row, double[] values) {
    if (tensor.dtype() == DType.F64 || tensor.dtype() == DType.F32) {
      write(tensor, row, values);
      return;
    }
    float[] singles = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      singles[i] = (float) values[i];
    }
    long offset = row * tensor.dtype().bytes(values.length);
    BlockEncoder.of(tensor.dtype())
        .orElseThrow()
        .encode(singles, 0, singles.length, tensor.segment(), offset);
  }
}
