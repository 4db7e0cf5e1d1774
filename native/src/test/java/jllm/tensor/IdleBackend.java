package jllm.tensor;

import jllm.tensor.scalar.ScalarBackend;
import org.jspecify.annotations.Nullable;

/** Does nothing, without allocating: what is left is what {@link Exec} does. */
final class IdleBackend implements Backend {
  private int calls;

  /** Operations so far. */
  int calls() {
    return calls;
  }

  @Override
  public String describe() {
    return "idle";
  }

  @Override
  public DType activationType() {
    return DType.F32;
  }

  @Override
  public Tensor adopt(Tensor weight, WeightUse use, Memory memory) {
    return weight;
  }

  @Override
  public void embedding(Tensor out, Tensor table, Tensor ids) {
    calls++;
  }

  @Override
  public void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    calls++;
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, @Nullable Tensor weight, float eps) {
    calls++;
  }

  @Override
  public void layerNorm(
      Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    calls++;
  }

  @Override
  public void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude) {
    calls++;
  }

  @Override
  public void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    calls++;
  }

  @Override
  public void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    calls++;
  }

  @Override
  public void gated(Tensor out, Tensor gate, Tensor up, Activation activation) {
    calls++;
  }

  @Override
  public void activate(Tensor out, Tensor x, Activation activation) {
    calls++;
  }

  @Override
  public void add(Tensor out, Tensor a, Tensor b) {
    calls++;
  }

  @Override
  public void mul(Tensor out, Tensor a, Tensor b) {
    calls++;
  }

  @Override
  public void scale(Tensor out, Tensor x, float factor) {
    calls++;
  }

  @Override
  public void softCap(Tensor out, Tensor x, float cap) {
    calls++;
  }

  @Override
  public void softmax(Tensor out, Tensor x) {
    calls++;
  }

  @Override
  public void copyRows(Tensor out, int at, Tensor x) {
    calls++;
  }

  @Override
  public void topK(Tensor out, Tensor x) {
    calls++;
  }

  @Override
  public void routingWeights(Tensor out, Tensor logits, Tensor experts, Routing routing) {
    calls++;
  }

  @Override
  public void expertLinear(Tensor out, Tensor x, Tensor w, Tensor experts) {
    calls++;
  }

  @Override
  public void combineExperts(Tensor out, Tensor x, Tensor weights) {
    calls++;
  }

  @Override
  public TrainingKernels training() {
    return new ScalarBackend(DType.F32).training();
  }

  @Override
  public void close() {}
}
