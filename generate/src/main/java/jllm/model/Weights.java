package jllm.model;

import java.util.List;
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

  /** What adapters change of rows of a linear weight. */
  default List<LowRank> changes(String name, int from, int rows) {
    return List.of();
  }

  /**
   * A linear layer of a block.
   *
   * @param biased whether the architecture has a bias there
   */
  default Linear linear(int layer, String part, boolean biased) {
    String name = WeightNames.block(layer, part, "weight");
    Tensor weight = take(name, WeightUse.LINEAR);
    String bias = WeightNames.block(layer, part, "bias");
    return new Linear(
        weight, biased ? take(bias, WeightUse.VECTOR) : null, changes(name, 0, weight.dim(0)));
  }

  /** The linear layers that one matrix of a block holds, each with that number of rows. */
  default Linear[] linears(int layer, String part, boolean biased, int... rows) {
    String name = WeightNames.block(layer, part, "weight");
    Tensor[] weights = split(name, WeightUse.LINEAR, rows);
    String bias = WeightNames.block(layer, part, "bias");
    @Nullable Tensor[] biases =
        biased ? split(bias, WeightUse.VECTOR, rows) : new @Nullable Tensor[rows.length];
    Linear[] linears = new Linear[rows.length];
    int from = 0;
    for (int i = 0; i < rows.length; i++) {
      linears[i] = new Linear(weights[i], biases[i], changes(name, from, rows[i]));
      from += rows[i];
    }
    return linears;
  }
}
