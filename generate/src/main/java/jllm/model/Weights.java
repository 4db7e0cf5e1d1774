package jllm.model;

import jllm.format.WeightNames;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;

/** Hands out the weights of a source while a model is built. */
interface Weights {

  boolean has(String name);

  /** A weight by its name. */
  Tensor take(String name, WeightUse use);

  /**
   * The rows of one stored matrix (or entries of a vector) as several weights: fused layers are
   * views of their parts.
   */
  Tensor[] split(String name, WeightUse use, int... rows);

  default Tensor block(int layer, String part, WeightUse use) {
    return take(WeightNames.block(layer, part, "weight"), use);
  }

  /** The bias of a part of a block, if the architecture has one there. */
  default @Nullable Tensor bias(int layer, String part, boolean present) {
    return present ? take(WeightNames.block(layer, part, "bias"), WeightUse.VECTOR) : null;
  }
}
