package jllm.tensor.grad;

import jllm.tensor.Activation;
import jllm.tensor.Dropout;
import jllm.tensor.Layer;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import org.jspecify.annotations.Nullable;

/**
 * One operation of a step with its operands and what its derivative needs. Operands must keep their
 * values until the step's backward pass is over. Shapes are those of the {@link
 * jllm.tensor.Backend} method of the same name.
 */
public sealed interface Op {

  /** The result, which no other operation writes. */
  Tensor out();

  record Embedding(Tensor out, Tensor table, Tensor ids) implements Op {}

  record Linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) implements Op {}

  /** {@code y + x w^T} in the memory of y, whose value no other operation's derivative needs. */
  record AddLinear(Tensor out, Tensor y, Tensor x, Tensor w) implements Op {}

  /** Rows of x are rows of the norm, or several of them: the heads of queries and keys. */
  record RmsNorm(Tensor out, Tensor x, @Nullable Tensor weight, float eps) implements Op {}

  record LayerNorm(Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps)
      implements Op {}

  record Rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing)
      implements Op {}

  record Attention(
      Tensor out, Tensor lse, Tensor q, Tensor k, Tensor v, TrainingAttention attention)
      implements Op {}

  record Gated(Tensor out, Tensor gate, Tensor up, Activation activation) implements Op {}

  record Activate(Tensor out, Tensor x, Activation activation) implements Op {}

  record Add(Tensor out, Tensor a, Tensor b) implements Op {}

  record Mul(Tensor out, Tensor a, Tensor b) implements Op {}

  record Scale(Tensor out, Tensor x, float factor) implements Op {}

  record SoftCap(Tensor out, Tensor x, float cap) implements Op {}

  record Softmax(Tensor out, Tensor x) implements Op {}

  record Drop(Tensor out, Tensor x, Dropout dropout) implements Op {}

  record RoutingWeights(Tensor out, Tensor logits, Tensor experts, Routing routing) implements Op {}

  record ExpertLinear(Tensor out, Tensor x, Tensor w, Tensor experts) implements Op {}

  record CombineExperts(Tensor out, Tensor x, Tensor weights) implements Op {}

  /** Adds to {@code out}, the summed probabilities of a step, which other layers add to as well. */
  record CountRouting(Tensor out, Tensor logits) implements Op {}

  record BalanceLoss(Tensor out, Tensor counts, Tensor probabilities, long rows) implements Op {}

  /** The derivative of the logits takes their place if no other operation needs them. */
  record CrossEntropy(Tensor out, Tensor lse, Tensor logits, Tensor targets) implements Op {}

  /** The logits, whose maker is the operation before, hold the derivative by factor times out. */
  record CrossEntropyRounded(Tensor out, Tensor logits, Tensor targets, float factor)
      implements Op {}

  /** A layer of which only the input was kept: it runs again when its derivative is wanted. */
  record Block<S>(Tensor out, Tensor x, Layer<S> layer, S step) implements Op {}
}
