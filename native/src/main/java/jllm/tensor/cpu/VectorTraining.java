package jllm.tensor.cpu;

import jllm.tensor.Activation;
import jllm.tensor.AdamWStep;
import jllm.tensor.Dropout;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import jllm.tensor.TrainingKernels;
import org.jspecify.annotations.Nullable;

/** Derivatives on the CPU. */
final class VectorTraining implements TrainingKernels {

  @Override
  public void embeddingBackward(Tensor dtable, Tensor dout, Tensor ids) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dout, Tensor w) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor dout, Tensor x) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void biasBackward(Tensor dbias, Tensor dout) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void rmsNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void layerNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void ropeBackward(
      Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void attention(
      Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention attention) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void attentionBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dout,
      Tensor out,
      Tensor lse,
      Tensor q,
      Tensor k,
      Tensor v,
      TrainingAttention attention) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void gatedBackward(
      Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation activation) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void addScaled(Tensor out, Tensor x, float factor) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void addProduct(Tensor out, Tensor a, Tensor b) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void softCapBackward(Tensor dx, Tensor dout, Tensor x, float cap) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void softmaxBackward(Tensor dx, Tensor dout, Tensor out) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void dropout(Tensor out, Tensor x, Dropout dropout) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void dropoutBackward(Tensor dx, Tensor dout, Dropout dropout) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void expertLinearBackwardInput(Tensor dx, Tensor dout, Tensor w, Tensor experts) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void expertLinearBackwardWeight(Tensor dw, Tensor dout, Tensor x, Tensor experts) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void combineExpertsBackward(
      Tensor dx, Tensor dweights, Tensor dout, Tensor x, Tensor weights) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void routingWeightsBackward(
      Tensor dlogits, Tensor dout, Tensor logits, Tensor experts, Routing routing) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void countRouting(Tensor counts, Tensor probabilities, Tensor logits, Tensor experts) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void countRoutingBackward(Tensor dlogits, Tensor dprobabilities, Tensor logits) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void balanceLoss(Tensor loss, Tensor counts, Tensor probabilities, long rows) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void balanceLossBackward(Tensor dprobabilities, Tensor dloss, Tensor counts, long rows) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void crossEntropy(Tensor losses, Tensor lse, Tensor logits, Tensor targets) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void crossEntropyBackward(Tensor logits, Tensor dlosses, Tensor lse, Tensor targets) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void fill(Tensor out, float value) {
    throw new UnsupportedOperationException();
  }

  @Override
  public double sumOfSquares(Tensor x) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void adamW(
      Tensor w, Tensor gradient, Tensor m, Tensor v, AdamWStep step, @Nullable Tensor rounded) {
    throw new UnsupportedOperationException();
  }
}
