package jllm.model;

import jllm.format.NormConfig;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;

/** A norm with its weights. */
final class Norm {
  private final NormConfig config;
  private final Tensor weight;
  private final @Nullable Tensor bias;

  /**
   * @param name of the weights, without suffix
   */
  Norm(Weights weights, String name, NormConfig config) {
    this.config = config;
    this.weight = weights.take(name + ".weight", WeightUse.VECTOR);
    this.bias = config.bias() ? weights.take(name + ".bias", WeightUse.VECTOR) : null;
  }

  Tensor forward(Exec exec, Tensor x) {
    return forward(exec, x, x.dtype());
  }

  /** For products alone. */
  Tensor operand(Exec exec, Tensor x) {
    return forward(exec, x, exec.operandType(x));
  }

  private Tensor forward(Exec exec, Tensor x, DType result) {
    return switch (config.kind()) {
      case RMS -> exec.rmsNorm(x, weight, config.eps(), result);
      case LAYER -> exec.layerNorm(x, weight, bias, config.eps(), result);
    };
  }
}
