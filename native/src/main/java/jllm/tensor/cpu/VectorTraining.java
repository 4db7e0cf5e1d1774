package jllm.tensor.cpu;

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

/** Training on the CPU: hands each operation to the kernel object that does it. */
final class VectorTraining implements TrainingKernels, AutoCloseable {
  private final PlainProducts products;
  private final Rope rope;
  private final Softmax softmax;
  private final Attention attention;
  private final AttentionGradients attentionGradients;
  private final RowSums rowSums;
  private final NormGradients norms;
  private final ElementGradients elements;
  private final Dropouts dropouts;
  private final ExpertGradients experts;
  private final CrossEntropy crossEntropy;
  private final SquareSum squareSum;
  private final AdamW adamW;

  /** The kernel objects that generation uses as well are its owner's to close. */
  VectorTraining(
      Workers workers, PlainProducts products, Rope rope, Softmax softmax, Attention attention) {
    this.products = products;
    this.rope = rope;
    this.softmax = softmax;
    this.attention = attention;
    attentionGradients = new AttentionGradients(workers);
    rowSums = new RowSums(workers);
    norms = new NormGradients(workers);
    elements = new ElementGradients(workers);
    dropouts = new Dropouts(workers);
    experts = new ExpertGradients(workers);
    crossEntropy = new CrossEntropy(workers);
    squareSum = new SquareSum(workers);
    adamW = new AdamW(workers);
  }

  @Override
  public void embeddingBackward(Tensor dtable, Tensor dout, Tensor ids) {
    rowSums.scatter(dtable, dout, ids);
  }

  @Override
  public void addLinear(Tensor out, Tensor x, Tensor w) {
    products.addLinear(out, x, w);
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dout, Tensor w) {
    products.input(dx, dout, w);
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor dout, Tensor x, DType type) {
    products.weight(dw, dout, x, type);
  }

  @Override
  public void biasBackward(Tensor dbias, Tensor dout) {
    rowSums.add(dbias, dout);
  }

  @Override
  public void rmsNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    norms.rms(dx, dweight, dout, x, weight, eps);
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
    norms.layer(dx, dweight, dbias, dout, x, weight, eps);
  }

  @Override
  public void ropeBackward(
      Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing) {
    rope.backward(dx, dout, rotations, headDim, pairing);
  }

  @Override
  public void attention(
      Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention attention) {
    this.attention.run(out, lse, q, k, v, attention);
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
    attentionGradients.run(dq, dk, dv, dout, out, lse, q, k, v, attention);
  }

  @Override
  public void gatedBackward(
      Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) {
    elements.gated(dgate, dup, dout, gate, up, activation);
  }

  @Override
  public void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation activation) {
    elements.activate(dx, dout, x, activation);
  }

  @Override
  public void addScaled(Tensor out, Tensor x, float factor) {
    elements.addScaled(out, x, factor);
  }

  @Override
  public void addProduct(Tensor out, Tensor a, Tensor b) {
    elements.addProduct(out, a, b);
  }

  @Override
  public void softCapBackward(Tensor dx, Tensor dout, Tensor x, float cap) {
    elements.softCap(dx, dout, x, cap);
  }

  @Override
  public void softmaxBackward(Tensor dx, Tensor dout, Tensor out) {
    softmax.backward(dx, dout, out);
  }

  @Override
  public void dropout(Tensor out, Tensor x, Dropout dropout) {
    dropouts.forward(out, x, dropout);
  }

  @Override
  public void dropoutBackward(Tensor dx, Tensor dout, Dropout dropout) {
    dropouts.backward(dx, dout, dropout);
  }

  @Override
  public void expertLinearBackwardInput(Tensor dx, Tensor dout, Tensor w, Tensor experts) {
    products.expertsInput(dx, dout, w, experts);
  }

  @Override
  public void expertLinearBackwardWeight(
      Tensor dw, Tensor dout, Tensor x, Tensor experts, DType type) {
    products.expertsWeight(dw, dout, x, experts, type);
  }

  @Override
  public void combineExpertsBackward(
      Tensor dx, Tensor dweights, Tensor dout, Tensor x, Tensor weights) {
    experts.combine(dx, dweights, dout, x, weights);
  }

  @Override
  public void routingWeightsBackward(
      Tensor dlogits, Tensor dout, Tensor logits, Tensor experts, Routing routing) {
    this.experts.routing(dlogits, dout, logits, experts, routing);
  }

  @Override
  public void countRouting(Tensor counts, Tensor probabilities, Tensor logits, Tensor experts) {
    this.experts.count(counts, probabilities, logits, experts);
  }

  @Override
  public void countRoutingBackward(Tensor dlogits, Tensor dprobabilities, Tensor logits) {
    experts.countBackward(dlogits, dprobabilities, logits);
  }

  @Override
  public void balanceLoss(Tensor loss, Tensor counts, Tensor probabilities, long rows) {
    ExpertGradients.balance(loss, counts, probabilities, rows);
  }

  @Override
  public void balanceLossBackward(Tensor dprobabilities, Tensor dloss, Tensor counts, long rows) {
    ExpertGradients.balanceBackward(dprobabilities, dloss, counts, rows);
  }

  @Override
  public void crossEntropy(Tensor losses, Tensor lse, Tensor logits, Tensor targets) {
    crossEntropy.forward(losses, lse, logits, targets);
  }

  @Override
  public void crossEntropyBackward(Tensor logits, Tensor dlosses, Tensor lse, Tensor targets) {
    crossEntropy.backward(logits, dlosses, lse, targets);
  }

  @Override
  public void fill(Tensor out, float value) {
    elements.fill(out, value);
  }

  @Override
  public double sumOfSquares(Tensor x) {
    return squareSum.of(x);
  }

  @Override
  public void addSum(Tensor sum, Tensor x) {
    OptimizerLoops.addSum(sum.segment(), x.segment(), x.shape().elements());
  }

  @Override
  public void adamW(List<AdamWWeights> weights, AdamWStep step, Tensor totals) {
    adamW.update(weights, step, totals);
  }

  @Override
  public void close() {
    attentionGradients.close();
    norms.close();
    elements.close();
  }
}
