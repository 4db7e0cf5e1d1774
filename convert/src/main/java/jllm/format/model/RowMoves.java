package jllm.format.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;
import jllm.tensor.Tensor;

/**
 * Another order of the rows of a matrix, or of the elements of a vector.
 *
 * @param source which row becomes this row
 */
record RowMoves(IntUnaryOperator source) {

  /** From [H, 3, D] to [3, H, D], rows = 3 * H * D. */
  static RowMoves fromHeads(int rows, int heads) {
    return new RowMoves(row -> {
      int dim = rows / (3 * heads);
      int part = row / (heads * dim);
      int head = row / dim % heads;
      return (head * 3 + part) * dim + row % dim;
    });
  }

  /** From [3, H, D] to [H, 3, D], rows = 3 * H * D. */
  static RowMoves toHeads(int rows, int heads) {
    return new RowMoves(row -> {
      int dim = rows / (3 * heads);
      int head = row / (3 * dim);
      int part = row / dim % 3;
      return (part * heads + head) * dim + row % dim;
    });
  }

  /** A copy of a tensor in that order. */
  Tensor copy(Tensor tensor, Arena arena) {
    boolean vector = tensor.shape().rank() == 1;
    int rows = vector ? tensor.columns() : tensor.rows();
    long rowBytes = tensor.dtype().bytes(vector ? 1 : tensor.columns());
    Tensor ordered = Tensor.allocate(arena, tensor.dtype(), tensor.shape());
    for (int row = 0; row < rows; row++) {
      long from = source.applyAsInt(row) * rowBytes;
      MemorySegment.copy(tensor.segment(), from, ordered.segment(), row * rowBytes, rowBytes);
    }
    return ordered;
  }
}
