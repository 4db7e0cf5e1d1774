package jllm.tensor.scalar;

import java.util.List;
import jllm.tensor.Activation;
import jllm.tensor.AdamWStep;
import jllm.tensor.AdamWWeights;
import jllm.tensor.DType;
import jllm.tensor.Dropout;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import jllm.tensor.TrainingKernels;
import org.jspecify.annotations.Nullable;

/** The definition of derivatives, losses and optimizers, in double precision. */
final class ScalarTraining implements TrainingKernels {

  @Override
  public void embeddingBackward(Tensor dtable, Tensor dout, Tensor ids) {
    LinearGradients.embedding(dtable, dout, ids);
  }

  @Override
  public void addLinear(Tensor out, Tensor x, Tensor w) {
    LinearGradients.addLinear(out, x, w);
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dout, Tensor w) {
    LinearGradients.input(dx, dout, w);
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor dout, Tensor x, DType type) {
    LinearGradients.weight(dw, dout, x);
  }

  @Override
  public void biasBackward(Tensor dbias, Tensor dout) {
    LinearGradients.bias(dbias, dout);
  }

  @Override
  public void rmsNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    NormGradients.rms(dx, dweight, dout, x, weight, eps);
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
    NormGradients.layer(dx, dweight, dbias, dout, x, weight, eps);
  }

  @Override
  public void ropeBackward(
      Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing) {
    Rotary.ropeBackward(dx, dout, rotations, headDim, pairing);
  }

  @Override
  public void attention(
      Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention attention) {
    new TrainedAttention(q, k, v, attention).forward(out, lse);
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
    new TrainedAttention(q, k, v, attention).backward(dq, dk, dv, dout, out, lse);
  }

  @Override
  public void gatedBackward(
      Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) {
    ElementGradients.gated(dgate, dup, dout, gate, up, activation);
  }

  @Override
  public void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation activation) {
    ElementGradients.add(dx, dout, x, (g, value) -> g * ElementGradients.slope(activation, value));
  }

  @Override
  public void addScaled(Tensor out, Tensor x, float factor) {
    ElementGradients.add(out, x, x, (value, _) -> value * factor);
  }

  @Override
  public void addProduct(Tensor out, Tensor a, Tensor b) {
    ElementGradients.add(out, a, b, (x, y) -> x * y);
  }

  @Override
  public void softCapBackward(Tensor dx, Tensor dout, Tensor x, float cap) {
    ElementGradients.add(dx, dout, x, (g, value) -> g * ElementGradients.softCapSlope(value, cap));
  }

  @Override
  public void softmaxBackward(Tensor dx, Tensor dout, Tensor out) {
    ElementGradients.softmax(dx, dout, out);
  }

  @Override
  public void dropout(Tensor out, Tensor x, Dropout dropout) {
    ElementGradients.dropout(out, x, dropout);
  }

  @Override
  public void dropoutBackward(Tensor dx, Tensor dout, Dropout dropout) {
    ElementGradients.dropoutBackward(dx, dout, dropout);
  }

  @Override
  public void expertLinearBackwardInput(Tensor dx, Tensor dout, Tensor w, Tensor experts) {
    LinearGradients.expertInput(dx, dout, w, experts);
  }

  @Override
  public void expertLinearBackwardWeight(
      Tensor dw, Tensor dout, Tensor x, Tensor experts, DType type) {
    LinearGradients.expertWeight(dw, dout, x, experts);
  }

  @Override
  public void combineExpertsBackward(
      Tensor dx, Tensor dweights, Tensor dout, Tensor x, Tensor weights) {
    ExpertGradients.combine(dx, dweights, dout, x, weights);
  }

  @Override
  public void routingWeightsBackward(
      Tensor dlogits, Tensor dout, Tensor logits, Tensor experts, Routing routing) {
    ExpertGradients.weights(dlogits, dout, logits, experts, routing);
  }

  @Override
  public void countRouting(Tensor counts, Tensor probabilities, Tensor logits, Tensor experts) {
    ExpertGradients.count(counts, probabilities, logits, experts);
  }

  @Override
  public void countRoutingBackward(Tensor dlogits, Tensor dprobabilities, Tensor logits) {
    ExpertGradients.countBackward(dlogits, dprobabilities, logits);
  }

  @Override
  public void balanceLoss(Tensor loss, Tensor counts, Tensor probabilities, long rows) {
    ExpertGradients.balanceLoss(loss, counts, probabilities, rows);
  }

  @Override
  public void balanceLossBackward(Tensor dprobabilities, Tensor dloss, Tensor counts, long rows) {
    ExpertGradients.balanceLossBackward(dprobabilities, dloss, counts, rows);
  }

  @Override
  public void crossEntropy(Tensor losses, Tensor lse, Tensor logits, Tensor targets) {
    CrossEntropy.forward(losses, lse, logits, targets);
  }

  @Override
  public void crossEntropyBackward(Tensor logits, Tensor dlosses, Tensor lse, Tensor targets) {
    CrossEntropy.backward(logits, dlosses, lse, targets);
  }

  @Override
  public void fill(Tensor out, float value) {
    Elementwise.map(out, out, _ -> value);
  }

  @Override
  public double sumOfSquares(Tensor x) {
    return Optimizer.sumOfSquares(x);
  }

  @Override
  public void addSum(Tensor sum, Tensor x) {
    Optimizer.addSum(sum, x);
  }

  @Override
  public void adamW(List<AdamWWeights> weights, AdamWStep step, Tensor totals) {
    Optimizer.adamW(weights, step, totals);
  }
}
