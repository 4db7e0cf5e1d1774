package jllm.tensor.scalar;

import jllm.tensor.Activation;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.HostMemory;
import jllm.tensor.Memory;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import jllm.tensor.WeightUse;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/**
 * The definition of each operation, and the oracle of the other backends. All arithmetic is in
 * double precision, whatever the type of the activations; weights are used as they are stored.
 */
public final class ScalarBackend implements Backend {
  private final DType type;
  private final TrainingKernels training = new ScalarTraining();

  /**
   * @param type of activations: F32, or F64 where even the rounding of results must not show
   */
  public ScalarBackend(DType type) {
    if (type != DType.F32 && type != DType.F64) {
      throw new IllegalArgumentException("activations are F32 or F64; found " + type);
    }
    this.type = type;
  }

  @Override
  public String describe() {
    return "scalar (" + type + " activations, 1 thread)";
  }

  @Override
  public DType activationType() {
    return type;
  }

  @Override
  public Tensor adopt(Tensor weight, WeightUse use, Memory memory) {
    return use == WeightUse.VECTOR && weight.dtype() != type
        ? Conversions.convert(weight, type, HostMemory.of(memory))
        : weight;
  }

  @Override
  public void embedding(Tensor out, Tensor table, Tensor ids) {
    Linears.embedding(out, table, ids);
  }

  @Override
  public void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    Linears.linear(out, x, w, bias);
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    Norms.rms(out, x, weight, eps);
  }

  @Override
  public void layerNorm(
      Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    Norms.layer(out, x, weight, bias, eps);
  }

  @Override
  public void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude) {
    Rotary.rotations(out, positions, frequencies, magnitude);
  }

  @Override
  public void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    Rotary.rope(out, x, rotations, headDim, pairing);
  }

  @Override
  public void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    Attention.attention(out, q, k, v, spec, sequences, past);
  }

  @Override
  public void gated(Tensor out, Tensor gate, Tensor up, Activation activation) {
    Elementwise.zip(out, gate, up, (g, u) -> Elementwise.activation(activation, g) * u);
  }

  @Override
  public void activate(Tensor out, Tensor x, Activation activation) {
    Elementwise.map(out, x, value -> Elementwise.activation(activation, value));
  }

  @Override
  public void add(Tensor out, Tensor a, Tensor b) {
    Elementwise.zip(out, a, b, Double::sum);
  }

  @Override
  public void mul(Tensor out, Tensor a, Tensor b) {
    Elementwise.zip(out, a, b, (x, y) -> x * y);
  }

  @Override
  public void scale(Tensor out, Tensor x, float factor) {
    Elementwise.map(out, x, value -> value * factor);
  }

  @Override
  public void softCap(Tensor out, Tensor x, float cap) {
    Elementwise.map(out, x, value -> Elementwise.softCap(value, cap));
  }

  @Override
  public void softmax(Tensor out, Tensor x) {
    Softmax.rows(out, x);
  }

  @Override
  public boolean readsCacheOf(DType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0 -> true;
      default -> type == activationType();
    };
  }

  @Override
  public void copyRows(Tensor out, int at, Tensor x) {
    Elementwise.copyRows(out, at, x);
  }

  @Override
  public void topK(Tensor out, Tensor x) {
    Experts.topK(out, x);
  }

  @Override
  public void routingWeights(Tensor out, Tensor logits, Tensor experts, Routing routing) {
    Experts.weights(out, logits, experts, routing);
  }

  @Override
  public void expertLinear(Tensor out, Tensor x, Tensor w, Tensor experts) {
    Linears.expertLinear(out, x, w, experts);
  }

  @Override
  public void combineExperts(Tensor out, Tensor x, Tensor weights) {
    Experts.combine(out, x, weights);
  }

  @Override
  public TrainingKernels training() {
    return training;
  }

  @Override
  public void close() {
    // Nothing is held.
  }
}
