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

  /**
   * Of the sum of the residual stream and a part of it; see {@link Exec#addRmsNorm}.
   *
   * @param results takes the sum, then its norm
   * @param operand whether the norm is for products alone
   */
  void ofSum(Tensor[] results, Exec exec, Tensor stream, Tensor part, boolean operand) {
    DType result = operand ? exec.operandType(part) : part.dtype();
    switch (config.kind()) {
      case RMS -> exec.addRmsNorm(results, stream, part, weight, config.eps(), result);
      case LAYER -> exec.addLayerNorm(results, stream, part, weight, bias, config.eps(), result);
    }
  }

  private Tensor forward(Exec exec, Tensor x, DType result) {
    return switch (config.kind()) {
      case RMS -> exec.rmsNorm(x, weight, config.eps(), result);
      case LAYER -> exec.layerNorm(x, weight, bias, config.eps(), result);
    };
  }
}
