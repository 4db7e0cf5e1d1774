package jllm.tensor.cuda;

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

/** Derivatives, losses and the optimizer on a device. */
final class CudaTraining implements TrainingKernels {
  private static final int THREADS = 128;
  private static final int WIDE = 256;
  private static final int ROUTING_ROWS = 4;
  private static final int MOST_BLOCKS = 65_535 * 16;

  private final Gpu gpu;
  private final Products products;
  private final ActivatedProducts activated;
  private final Attention attention;
  private final Norms norms;
  private final Experts experts;
  private final ColumnSums columns;
  private final CrossEntropy crossEntropy;
  private final CudaOptimizer optimizer;

  CudaTraining(
      Gpu gpu,
      Products products,
      ActivatedProducts activated,
      Attention attention,
      Norms norms,
      Experts experts) {
    this.gpu = gpu;
    this.products = products;
    this.activated = activated;
    this.attention = attention;
    this.norms = norms;
    this.experts = experts;
    this.columns = new ColumnSums(gpu);
    this.crossEntropy = new CrossEntropy(gpu);
    this.optimizer = new CudaOptimizer(gpu);
  }

  @Override
  public void embeddingBackward(Tensor dtable, Tensor dout, Tensor ids) {
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.REDUCTIONS, "embedding_backward")
          .tensors(dtable, dout)
          .longs(scratch.ids(ids))
          .ints(dout.rows(), dout.columns())
          .start(dout.rows(), 1, 1, THREADS);
    }
  }

  @Override
  public void addLinear(Tensor out, Tensor x, Tensor w) {
    products.addLinear(out, x, w, null);
  }

  @Override
  public void linearBackwardInput(Tensor dx, Tensor dout, Tensor w) {
    products.inputGradient(dx, dout, w);
  }

  @Override
  public void linearBackwardWeight(Tensor dw, Tensor dout, Tensor x, DType type) {
    products.weightGradient(dw, dout, x);
  }

  @Override
  public void linearBackward(
      @Nullable Tensor dx,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w) {
    linearBackward(dx, dw, dbias, dout, x, w, true);
  }

  @Override
  public void linearBackward(
      @Nullable Tensor dx,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w,
      boolean add) {
    products.gradients(dx, dw, dbias, dout, x, w, add);
  }

  @Override
  public void linearBackwardActivated(
      Tensor dbefore,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w,
      Tensor before,
      Activation activation) {
    activated.gradients(dbefore, dw, dbias, dout, x, w, before, activation);
  }

  @Override
  public void biasBackward(Tensor dbias, Tensor dout) {
    columns.add(dbias, dout);
  }

  @Override
  public void rmsNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps) {
    rmsNormBackward(dx, dweight, dout, x, weight, eps, true);
  }

  @Override
  public void rmsNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps,
      boolean add) {
    norms.rmsBackward(dx, dweight, dout, x, weight, eps, add);
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
    layerNormBackward(dx, dweight, dbias, dout, x, weight, eps, true);
  }

  @Override
  public void layerNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps,
      boolean add) {
    norms.layerBackward(dx, dweight, dbias, dout, x, weight, eps, add);
  }

  @Override
  public void ropeBackward(
      Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing) {
    ropeBackward(dx, dout, rotations, headDim, pairing, true);
  }

  @Override
  public void ropeBackward(
      Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing, boolean add) {
    gpu.kernel(KernelSource.ROPE, CudaBackend.named("rope_backward", dx, dout))
        .tensors(dx, dout, rotations)
        .ints(dx.rows(), dx.columns(), headDim, rotations.columns(), pairing.ordinal())
        .ints(add ? 1 : 0)
        .over(Math.ceilDiv((long) dx.rows() * dx.columns(), 2));
  }

  @Override
  public void attention(
      Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention training) {
    attention.train(out, lse, q, k, v, training);
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
      TrainingAttention training) {
    attentionBackward(dq, dk, dv, dout, out, lse, q, k, v, training, true);
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
      TrainingAttention training,
      boolean add) {
    attention.backward(dq, dk, dv, dout, out, lse, q, k, v, training, add);
  }

  @Override
  public void gatedBackward(
      Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) {
    gatedBackward(dgate, dup, dout, gate, up, activation, true);
  }

  @Override
  public void gatedBackward(
      Tensor dgate,
      Tensor dup,
      Tensor dout,
      Tensor gate,
      Tensor up,
      Activation activation,
      boolean add) {
    String kernel = CudaBackend.named("gated_backward", dgate, gate);
    boolean rounded = dout.dtype() == DType.BF16;
    gpu.kernel(KernelSource.GRADIENTS, rounded ? kernel + "_by_bf16" : kernel)
        .tensors(dgate, dup, dout, gate, up)
        .ints(activation.ordinal(), add ? 1 : 0)
        .eachOf(gate.shape().elements());
  }

  @Override
  public void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation activation) {
    activateBackward(dx, dout, x, activation, true);
  }

  @Override
  public void activateBackward(
      Tensor dx, Tensor dout, Tensor x, Activation activation, boolean add) {
    boolean rounded = x.dtype() == DType.BF16;
    gpu.kernel(KernelSource.GRADIENTS, rounded ? "activate_backward_of_bf16" : "activate_backward")
        .tensors(dx, dout, x)
        .ints(activation.ordinal(), add ? 1 : 0)
        .eachOf(x.shape().elements());
  }

  @Override
  public void addScaled(Tensor out, Tensor x, float factor) {
    gpu.kernel(KernelSource.ELEMENTWISE, "add_scaled")
        .tensors(out, x)
        .floats(factor)
        .eachOf(x.shape().elements());
  }

  @Override
  public void addProduct(Tensor out, Tensor a, Tensor b) {
    gpu.kernel(KernelSource.ELEMENTWISE, "add_product")
        .tensors(out, a, b)
        .eachOf(a.shape().elements());
  }

  @Override
  public void softCapBackward(Tensor dx, Tensor dout, Tensor x, float cap) {
    gpu.kernel(KernelSource.GRADIENTS, "soft_cap_backward")
        .tensors(dx, dout, x)
        .floats(cap)
        .eachOf(x.shape().elements());
  }

  @Override
  public void softmaxBackward(Tensor dx, Tensor dout, Tensor out) {
    gpu.kernel(KernelSource.SOFTMAX, "softmax_backward")
        .tensors(dx, dout, out)
        .ints(out.columns())
        .eachRow(out.rows(), out.columns());
  }

  @Override
  public void dropout(Tensor out, Tensor x, Dropout dropout) {
    drop(CudaBackend.named("dropout", out, x), out, x, dropout);
  }

  @Override
  public void dropoutBackward(Tensor dx, Tensor dout, Dropout dropout) {
    drop(CudaBackend.named("dropout_backward", dx, dout), dx, dout, dropout);
  }

  private void drop(String kernel, Tensor to, Tensor from, Dropout dropout) {
    gpu.kernel(KernelSource.ELEMENTWISE, kernel)
        .tensors(to, from)
        .longs(from.rows())
        .ints(from.columns())
        .longs(dropout.seed())
        .ints(dropout.threshold())
        .floats(dropout.scale())
        .start(Math.min(from.rows(), MOST_BLOCKS), 1, 1, WIDE);
  }

  @Override
  public void expertLinearBackwardInput(Tensor dx, Tensor dout, Tensor w, Tensor experts) {
    this.experts.inputGradient(dx, dout, w, experts);
  }

  @Override
  public void expertLinearBackwardWeight(
      Tensor dw, Tensor dout, Tensor x, Tensor experts, DType type) {
    this.experts.weightGradient(dw, dout, x, experts);
  }

  @Override
  public void combineExpertsBackward(
      Tensor dx, Tensor dweights, Tensor dout, Tensor x, Tensor weights) {
    gpu.kernel(KernelSource.EXPERTS, "combine_experts_backward")
        .tensors(dx, dweights, dout, x, weights)
        .ints(weights.rows(), weights.columns(), x.columns())
        .start(x.rows(), 1, 1, THREADS);
  }

  @Override
  public void routingWeightsBackward(
      Tensor dlogits, Tensor dout, Tensor logits, Tensor experts, Routing routing) {
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.EXPERTS, "routing_weights_backward")
          .tensors(dlogits, dout, logits)
          .longs(scratch.ids(experts))
          .ints(logits.rows(), logits.columns(), experts.columns(), routing.renormalize() ? 1 : 0)
          .floats(routing.scale())
          .start(Math.ceilDiv(logits.rows(), ROUTING_ROWS), 1, 1, THREADS);
    }
  }

  @Override
  public void countRouting(Tensor counts, Tensor probabilities, Tensor logits, Tensor experts) {
    int rows = logits.rows();
    int all = logits.columns();
    try (Scratch scratch = new Scratch(gpu)) {
      long chosen = scratch.ids(experts);
      long lse = scratch.floats(rows);
      gpu.kernel(KernelSource.EXPERTS, "routing_lse")
          .longs(lse)
          .tensors(logits)
          .ints(rows, all)
          .start(Math.ceilDiv(rows, ROUTING_ROWS), 1, 1, THREADS);
      gpu.kernel(KernelSource.EXPERTS, "count_routing")
          .tensors(counts, probabilities)
          .longs(lse)
          .tensors(logits)
          .longs(chosen)
          .ints(rows, all, experts.columns())
          .start(all, 1, 1, WIDE);
    }
  }

  @Override
  public void countRoutingBackward(Tensor dlogits, Tensor dprobabilities, Tensor logits) {
    gpu.kernel(KernelSource.EXPERTS, "count_routing_backward")
        .tensors(dlogits, dprobabilities, logits)
        .ints(logits.rows(), logits.columns())
        .start(Math.ceilDiv(logits.rows(), ROUTING_ROWS), 1, 1, THREADS);
  }

  @Override
  public void balanceLoss(Tensor loss, Tensor counts, Tensor probabilities, long rows) {
    gpu.kernel(KernelSource.EXPERTS, "balance_loss")
        .tensors(loss, counts, probabilities)
        .ints(counts.columns())
        .longs(rows)
        .start(1, 1, 1, THREADS);
  }

  @Override
  public void balanceLossBackward(Tensor dprobabilities, Tensor dloss, Tensor counts, long rows) {
    gpu.kernel(KernelSource.EXPERTS, "balance_loss_backward")
        .tensors(dprobabilities, dloss, counts)
        .ints(counts.columns())
        .longs(rows)
        .start(Math.ceilDiv(counts.columns(), WIDE), 1, 1, WIDE);
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
  public int roundedColumns(int columns) {
    return products.roundedColumns(columns);
  }

  @Override
  public void roundedLogits(Tensor logits, Tensor x, Tensor w) {
    products.linear(logits, x, w, null);
    crossEntropy.clearRest(logits, w.dim(0));
  }

  @Override
  public void crossEntropyRounded(
      Tensor losses, Tensor logits, Tensor targets, int columns, float factor) {
    crossEntropy.rounded(losses, logits, targets, columns, factor);
  }

  @Override
  public void rescaleRounded(Tensor dlogits, Tensor dlosses, float factor) {
    crossEntropy.rescale(dlogits, dlosses, factor);
  }

  @Override
  public void fill(Tensor out, float value) {
    gpu.kernel(KernelSource.ELEMENTWISE, "fill")
        .tensors(out)
        .floats(value)
        .eachOf(out.shape().elements());
  }

  @Override
  public double sumOfSquares(Tensor x) {
    return optimizer.sumOfSquares(x);
  }

  @Override
  public void addSum(Tensor sum, Tensor x) {
    optimizer.addSum(sum, x);
  }

  @Override
  public void norm(Tensor norm, List<Tensor> tensors) {
    optimizer.norm(norm, tensors);
  }

  @Override
  public void adamW(List<AdamWWeights> weights, AdamWStep step, Tensor totals) {
    optimizer.adamW(weights, step, totals);
  }
}
