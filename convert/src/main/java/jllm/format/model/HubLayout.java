package jllm.format.model;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import jllm.format.StoredTensor;
import jllm.tensor.DType;
import jllm.tensor.Tensor;

/** How Hugging Face's files store a weight, and the way there and back. */
enum HubLayout {
  AS_IS,

  /** Matrices are [I, O]; vectors as they are. */
  TRANSPOSED,

  /** The difference from 1. */
  LESS_ONE,

  /** The rows of query, key and value of a head stand together: [H, 3, D] and not [3, H, D]. */
  BY_HEAD;

  /**
   * A weight that is stored so.
   *
   * @param heads H
   */
  Weight read(StoredTensor tensor, int heads) {
    return switch (this) {
      case AS_IS -> new Weight.Stored(tensor, tensor.shape());
      case TRANSPOSED ->
          tensor.shape().rank() == 2
              ? new Weight.Transposed(tensor)
              : new Weight.Stored(tensor, tensor.shape());
      case LESS_ONE -> new Weight.PlusOne(tensor);
      case BY_HEAD -> new Weight.Moved(tensor, RowMoves.fromHeads(rows(tensor), heads));
    };
  }

  private static int rows(StoredTensor tensor) {
    return tensor.shape().dim(0);
  }

  /**
   * A weight of ours as it is to be stored: itself or a copy.
   *
   * @param weight of type F64, F32, F16 or BF16; F32 for {@link #LESS_ONE}
   * @param heads H
   */
  Tensor write(Tensor weight, int heads, Arena arena) {
    return switch (this) {
      case AS_IS -> weight;
      case TRANSPOSED ->
          weight.shape().rank() == 2 ? Weight.Transposed.transpose(weight, arena) : weight;
      case LESS_ONE -> lessOne(weight, arena);
      case BY_HEAD -> RowMoves.toHeads(weight.dim(0), heads).copy(weight, arena);
    };
  }

  private static Tensor lessOne(Tensor weight, Arena arena) {
    Tensor out = Tensor.allocate(arena, DType.F32, weight.shape());
    for (long i = 0; i < weight.shape().elements(); i++) {
      float value = weight.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i) - 1;
      out.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
    return out;
  }
}
