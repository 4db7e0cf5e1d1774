package jllm.tensor;

import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Backend} does in training alone: derivatives, losses, optimizers. Axes as there.
 *
 * <p><b>Derivatives add.</b> {@code dx} stands for the derivative of the loss with respect to x and
 * has x's shape. A method {@code ...Backward} gets the derivative of its operation's result, {@code
 * dout}, and the operands it needs, and does {@code +=} on the derivatives it names: a tensor that
 * is used twice sums up both. The one exception, {@link #crossEntropyBackward}, says so. All
 * derivatives, those of weights too, are row-major in the activation type; they overlap no other
 * argument. Those marked nullable are not wanted when absent. Where a method has an argument {@code
 * add} and that is false, nothing was added to the derivatives of activations yet: whatever they
 * hold is overwritten. Gradients of weights are added to in any case.
 *
 * <p>Sums over rows come in an order that depends on the shapes and the number of threads alone, so
 * that a run can be repeated to the last bit.
 */
public interface TrainingKernels {

  /**
   * {@code dtable[ids[n]] += dout[n]}. dtable [V, C]; dout [N, C]; ids I32 [N], with repetitions.
   */
  void embeddingBackward(Tensor dtable, Tensor dout, Tensor ids);

  /**
   * {@code out += x w^T}, what an adapter adds to a layer. out [N, O], maybe in {@link
   * Backend#operandType}; x [N, I]; w [O, I], F32 or BF16, row-major.
   */
  void addLinear(Tensor out, Tensor x, Tensor w);

  /**
   * {@code dx += dout w}. dx [N, I]; dout [N, O]; w [O, I], whatever {@link Backend#linear} takes:
   * frozen weights may be quantized or packed.
   */
  void linearBackwardInput(Tensor dx, Tensor dout, Tensor w);

  /**
   * {@code dw += dout^T x}. dw [O, I]; dout [N, O]; x [N, I].
   *
   * @param type of the weight that the layer computed with: where it is not F32, dout and x may be
   *     rounded to BF16
   */
  void linearBackwardWeight(Tensor dw, Tensor dout, Tensor x, DType type);

  /**
   * All derivatives of a linear layer: {@link #linearBackwardInput}, {@link #linearBackwardWeight}
   * and {@link #biasBackward}, those of them that are wanted.
   *
   * @param dx absent if it is not wanted, as dw and dbias
   */
  default void linearBackward(
      @Nullable Tensor dx,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w) {
    if (dbias != null) {
      biasBackward(dbias, dout);
    }
    if (dw != null) {
      linearBackwardWeight(dw, dout, x, w.dtype());
    }
    if (dx != null) {
      linearBackwardInput(dx, dout, w);
    }
  }

  /**
   * The same; dx is added to or overwritten. Where the layer gave a result in {@link
   * Backend#operandType}, dout may be of that type; dx may if it is overwritten.
   */
  default void linearBackward(
      @Nullable Tensor dx,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w,
      boolean add) {
    if (!add && dx != null) {
      fill(dx, 0);
    }
    linearBackward(dx, dw, dbias, dout, x, w);
  }

  /**
   * As {@link #linearBackward} of a layer whose input is x = activation(before), which nothing else
   * reads; in place of the derivative of x it writes that of {@code before}: {@code dbefore = (dout
   * w) * activation'(before)}. For backends whose {@link FusedOperations#activatedLinear} rounds.
   *
   * @param dbefore BF16 [N, I], for {@link #linearBackward}, which takes it as dout
   * @param before BF16 [N, I]
   */
  default void linearBackwardActivated(
      Tensor dbefore,
      @Nullable Tensor dw,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      Tensor w,
      Tensor before,
      Activation activation) {
    throw new UnsupportedOperationException("this backend rounds no arguments of activations");
  }

  /** {@code dbias[o] += sum over n of dout[n, o]}. dbias [O]; dout [N, O]. */
  void biasBackward(Tensor dbias, Tensor dout);

  /**
   * Of {@link Backend#rmsNorm}. With r = 1 / sqrt(mean(x^2) + eps) of a row and g = dout * weight:
   * {@code dx += r g - x r^3 mean(g x)}; {@code dweight += sum over n of dout x r}. dx, dout and x
   * [N, C]; dweight and weight [C].
   */
  void rmsNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps);

  /** The same; dx is added to or overwritten. */
  default void rmsNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps,
      boolean add) {
    if (!add) {
      fill(dx, 0);
    }
    rmsNormBackward(dx, dweight, dout, x, weight, eps);
  }

  /**
   * Of {@link Backend#layerNorm}. With z = (x - mean) r of a row, r = 1 / sqrt(variance + eps), and
   * g = dout * weight: {@code dx += r (g - mean(g) - z mean(g z))}; {@code dweight += sum over n of
   * dout z}; {@code dbias += sum over n of dout}. Shapes as {@link #rmsNormBackward}; dbias [C].
   */
  void layerNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps);

  /** The same; dx is added to or overwritten. */
  default void layerNormBackward(
      Tensor dx,
      @Nullable Tensor dweight,
      @Nullable Tensor dbias,
      Tensor dout,
      Tensor x,
      @Nullable Tensor weight,
      float eps,
      boolean add) {
    if (!add) {
      fill(dx, 0);
    }
    layerNormBackward(dx, dweight, dbias, dout, x, weight, eps);
  }

  /**
   * Of {@link Backend#rope}: turns back. {@code dx += R^T dout}; components that are not turned are
   * added as they are. dx and dout [N, H*D]; rotations [N, R].
   */
  void ropeBackward(Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing);

  /**
   * The same; dx is added to or overwritten. dout may be rounded, and dx as well if it is
   * overwritten.
   */
  default void ropeBackward(
      Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing, boolean add) {
    if (!add) {
      fill(dx, 0);
    }
    ropeBackward(dx, dout, rotations, headDim, pairing);
  }

  /**
   * {@link Backend#attention} over whole sequences, which also keeps what its derivative needs in
   * place of the T x T weights (Dao et al. 2022, section 3.1): the logarithm of the sum of the
   * exponentials of each row's scores.
   *
   * @param out [N, H*D], as q, k and v maybe in the type of {@link Backend#attentionType}
   * @param lse [N, H]; natural logarithm, of scores after scale and cap; dropout does not change it
   * @param q [N, H*D]
   * @param k [N, K*D]
   * @param v as k
   */
  void attention(Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention attention);

  /**
   * Of {@link #attention(Tensor, Tensor, Tensor, Tensor, Tensor, TrainingAttention)} (Dao et al.
   * 2022, appendix B.4). With weights p = exp(score - lse), their dropout mask m (0, or 1 / (1 -
   * probability)) and delta = sum(dout * out) over a head: {@code dv[j] += p m dout}; {@code ds = p
   * (m (dout . v[j]) - delta)}, times {@code 1 - (score / cap)^2} with a cap; {@code dq += scale ds
   * k[j]}; {@code dk[j] += scale ds q}. The T x T weights are never stored.
   *
   * @param dq [N, H*D]
   * @param dk [N, K*D]: sums over the query heads that share a key head
   * @param dv as dk
   * @param dout [N, H*D]
   * @param out of the forward pass
   * @param lse of the forward pass
   */
  void attentionBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dout,
      Tensor out,
      Tensor lse,
      Tensor q,
      Tensor k,
      Tensor v,
      TrainingAttention attention);

  /**
   * The same; dq, dk and dv are added to or overwritten. Each of dout, dq, dk and dv may be in the
   * type of {@link Backend#attentionType} as well, the last three where nothing is added.
   */
  default void attentionBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dout,
      Tensor out,
      Tensor lse,
      Tensor q,
      Tensor k,
      Tensor v,
      TrainingAttention attention,
      boolean add) {
    if (!add) {
      fill(dq, 0);
      fill(dk, 0);
      fill(dv, 0);
    }
    attentionBackward(dq, dk, dv, dout, out, lse, q, k, v, attention);
  }

  /**
   * Of {@link Backend#gated}: {@code dgate += dout * up * activation'(gate)}; {@code dup += dout *
   * activation(gate)}. All of the same shape.
   */
  void gatedBackward(
      Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation);

  /**
   * The same; dgate and dup are added to or overwritten. Where gate and up are rounded, dout may be
   * as well, and dgate and dup if they are overwritten.
   */
  default void gatedBackward(
      Tensor dgate,
      Tensor dup,
      Tensor dout,
      Tensor gate,
      Tensor up,
      Activation activation,
      boolean add) {
    if (!add) {
      fill(dgate, 0);
      fill(dup, 0);
    }
    gatedBackward(dgate, dup, dout, gate, up, activation);
  }

  /**
   * {@code dx += dout * activation'(x)}; the derivative of RELU at 0 is 0. Same shapes; x BF16
   * where {@link FusedOperations#activatedLinear} wrote it.
   */
  void activateBackward(Tensor dx, Tensor dout, Tensor x, Activation activation);

  /** The same; dx is added to or overwritten. */
  default void activateBackward(
      Tensor dx, Tensor dout, Tensor x, Activation activation, boolean add) {
    if (!add) {
      fill(dx, 0);
    }
    activateBackward(dx, dout, x, activation);
  }

  /** {@code out += x * factor}. Same shapes: the derivative of sums and scalings. */
  void addScaled(Tensor out, Tensor x, float factor);

  /** {@code out += a * b}, element by element. Same shapes: the derivative of products. */
  void addProduct(Tensor out, Tensor a, Tensor b);

  /** Of {@link Backend#softCap}: {@code dx += dout * (1 - tanh^2(x / cap))}. Same shapes. */
  void softCapBackward(Tensor dx, Tensor dout, Tensor x, float cap);

  /**
   * Of {@link Backend#softmax}: {@code dx += out * (dout - sum(dout * out))} with the sum over a
   * row. All [N, C]; out is the result of the softmax.
   */
  void softmaxBackward(Tensor dx, Tensor dout, Tensor out);

  /**
   * Writes x with the dropped elements zero and the others scaled, see {@link Dropout}: row n of
   * the tensor, column c. out and x [N, C], x maybe in {@link Backend#operandType} and out as well;
   * out may be x.
   */
  void dropout(Tensor out, Tensor x, Dropout dropout);

  /**
   * Of {@link #dropout}: {@code dx += mask * dout / (1 - probability)}. dx and dout [N, C]; dout
   * may be in {@link Backend#operandType}.
   */
  void dropoutBackward(Tensor dx, Tensor dout, Dropout dropout);

  /** The same; dx is added to or overwritten. */
  default void dropoutBackward(Tensor dx, Tensor dout, Dropout dropout, boolean add) {
    if (add) {
      dropoutBackward(dx, dout, dropout);
    } else {
      dropout(dx, dout, dropout);
    }
  }

  /** Of {@link Backend#expertLinear}, shapes as there: {@code dx[r] += dout[i] w[experts[i]]}. */
  void expertLinearBackwardInput(Tensor dx, Tensor dout, Tensor w, Tensor experts);

  /**
   * Of {@link Backend#expertLinear}, shapes as there: {@code dw[experts[i]] += dout[i]^T x[r]}. dw
   * [E, O, I].
   *
   * @param type as for {@link #linearBackwardWeight}
   */
  void expertLinearBackwardWeight(Tensor dw, Tensor dout, Tensor x, Tensor experts, DType type);

  /**
   * Of {@link Backend#combineExperts}: {@code dx[n*U + u] += weights[n, u] * dout[n]}; {@code
   * dweights[n, u] += dout[n] . x[n*U + u]}. dx and x [N*U, C]; dweights and weights [N, U]; dout
   * [N, C].
   */
  void combineExpertsBackward(Tensor dx, Tensor dweights, Tensor dout, Tensor x, Tensor weights);

  /**
   * Of {@link Backend#routingWeights}: the derivative of the softmax over the chosen experts, or of
   * that over all, times the scale. dlogits and logits [N, E]; dout [N, U]; experts I32 [N, U].
   */
  void routingWeightsBackward(
      Tensor dlogits, Tensor dout, Tensor logits, Tensor experts, Routing routing);

  /**
   * What a router did, summed over rows and (by repeated calls) over layers: {@code counts[e] +=}
   * how often e is among experts; {@code probabilities[e] += sum over n of softmax(logits[n])[e]}.
   * counts and probabilities [1, E]; logits [N, E]; experts I32 [N, U].
   */
  void countRouting(Tensor counts, Tensor probabilities, Tensor logits, Tensor experts);

  /**
   * Of {@link #countRouting}: {@code dlogits[n] += p * (dprobabilities - p . dprobabilities)} with
   * p = softmax(logits[n]). dlogits and logits [N, E]; dprobabilities [1, E].
   */
  void countRoutingBackward(Tensor dlogits, Tensor dprobabilities, Tensor logits);

  /**
   * The load-balancing loss of sparse models (Fedus et al. 2021, equation 4, over all layers
   * together and summed over the chosen experts, as Mixtral's): {@code loss = E * sum over e of
   * (counts[e] / rows) * (probabilities[e] / rows)}.
   *
   * @param loss [1, 1]
   * @param counts [1, E] of {@link #countRouting}
   * @param probabilities [1, E] of {@link #countRouting}
   * @param rows tokens times layers that were counted
   */
  void balanceLoss(Tensor loss, Tensor counts, Tensor probabilities, long rows);

  /** Of {@link #balanceLoss}: {@code dprobabilities[e] += dloss * E * counts[e] / rows^2}. */
  void balanceLossBackward(Tensor dprobabilities, Tensor dloss, Tensor counts, long rows);

  /**
   * The cross-entropy of each row in nats: {@code losses[n] = lse[n] - logits[n, targets[n]]}, 0
   * where the target is -1 (a row that does not count); {@code lse[n] = log(sum(exp(logits[n])))}.
   *
   * @param losses [N, 1]
   * @param lse [N, 1]
   * @param logits [N, V]
   * @param targets I32 [N], each in -1..V-1
   */
  void crossEntropy(Tensor losses, Tensor lse, Tensor logits, Tensor targets);

  /**
   * Of {@link #crossEntropy}, <b>in place</b>: the logits, the largest tensor of a step, become
   * their derivative. {@code logits[n, v] = dlosses[n] * (exp(logits[n, v] - lse[n]) - (v ==
   * targets[n]))}, 0 in rows whose target is -1. Shapes as there; dlosses [N, 1].
   */
  void crossEntropyBackward(Tensor logits, Tensor dlosses, Tensor lse, Tensor targets);

  /**
   * The columns of rows of rounded logits, as many as there are logits or some more; 0 if this
   * backend does not round logits. Those of an output layer then go through {@link #roundedLogits},
   * {@link #crossEntropyRounded} and, as dout, {@link #linearBackward}.
   *
   * @param columns V
   */
  default int roundedColumns(int columns) {
    return 0;
  }

  /**
   * An output layer without bias: {@code logits = x w^T}.
   *
   * @param logits BF16 [N, {@link #roundedColumns}]; what is beyond V becomes 0
   * @param x [N, I], maybe in {@link Backend#operandType}
   * @param w [V, I] of any weight type
   */
  default void roundedLogits(Tensor logits, Tensor x, Tensor w) {
    throw notRounded();
  }

  /**
   * {@link #crossEntropy} and its derivative together, <b>in place</b>, while the largest tensor of
   * a step is at hand: {@code logits[n, v] = factor * (exp(logits[n, v] - lse[n]) - (v ==
   * targets[n]))}, 0 in rows whose target is -1.
   *
   * @param losses [N, 1]
   * @param logits of {@link #roundedLogits}; what is beyond V stays 0
   * @param targets I32 [N], each in -1..V-1
   * @param columns V
   * @param factor of the losses in what is to be derived, not 0
   */
  default void crossEntropyRounded(
      Tensor losses, Tensor logits, Tensor targets, int columns, float factor) {
    throw notRounded();
  }

  /**
   * Of {@link #crossEntropyRounded}: {@code dlogits[n] *= dlosses[n] / factor}, for losses that
   * turn out to have another derivative than the factor; rows of others are not read.
   *
   * @param dlogits what became of the logits
   * @param dlosses [N, 1]
   */
  default void rescaleRounded(Tensor dlogits, Tensor dlosses, float factor) {
    throw notRounded();
  }

  private static UnsupportedOperationException notRounded() {
    return new UnsupportedOperationException(
        "this backend has logits in the activation type: roundedColumns is 0");
  }

  /** {@code out = value} for each element, of any shape. */
  void fill(Tensor out, float value);

  /**
   * The sum of the squares of all elements, summed in double precision; not finite if an element is
   * not. Waits for what was started.
   */
  double sumOfSquares(Tensor x);

  /**
   * {@code sum += } the sum of all elements of x, in double precision: how the losses of a step add
   * up where they are.
   *
   * @param sum F64 [1]
   */
  void addSum(Tensor sum, Tensor x);

  /**
   * The L2 norm of all elements of some tensors together, in double precision; not finite if an
   * element is not.
   *
   * @param norm F64 [1]
   */
  default void norm(Tensor norm, List<Tensor> tensors) {
    double sum = 0;
    for (Tensor tensor : tensors) {
      sum += sumOfSquares(tensor);
    }
    norm.segment().set(ValueLayout.JAVA_DOUBLE, 0, Math.sqrt(sum));
  }

  /**
   * AdamW with decoupled decay and clipping by the global norm. Nothing changes if one of the
   * totals is not finite. Otherwise, with g = gradient * scale and scale = clip / (norm + 1e-6), or
   * 1 where the norm is at most clip or that is 0: {@code m = beta1 m + (1 - beta1) g}; {@code v =
   * beta2 v + (1 - beta2) g^2}; {@code w -= learningRate * (m / (1 - beta1^step) / (sqrt(v / (1 -
   * beta2^step)) + eps) + weightDecay * w)}; {@code rounded = w}, to nearest even or as the step
   * says.
   *
   * @param weights all that is trained: in their order, {@link StochasticRounding} counts places
   * @param totals F64 [2]: the sum of the losses of the step; the norm of all gradients
   */
  void adamW(List<AdamWWeights> weights, AdamWStep step, Tensor totals);
}
