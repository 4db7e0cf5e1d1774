package jllm.tensor.grad;

import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import org.jspecify.annotations.Nullable;

/** The chain rule: from the derivative of an operation's result to those of its operands. */
final class Derivatives {
  private final TrainingKernels kernels;
  private final Gradients gradients;

  Derivatives(TrainingKernels kernels, Gradients gradients) {
    this.kernels = kernels;
    this.gradients = gradients;
  }

  void seed(Tensor result, float factor) {
    Tensor derivative = gradients.of(result);
    Tensor ones = gradients.scratch(result.rows(), result.columns());
    kernels.fill(ones, factor);
    kernels.addScaled(derivative, ones, 1);
    gradients.free(ones);
  }

  /**
   * Adds to the derivatives of the operands, and lets that of the result go.
   *
   * @param before the operation whose turn is next; absent if there is none
   */
  void pass(Op op, Tensor dout, @Nullable Op before) {
    switch (op) {
      case Op.Embedding o -> embedding(o, dout);
      case Op.Linear o -> linear(o, dout, before);
      case Op.AddLinear o -> addLinear(o, dout);
      case Op.RmsNorm o -> rmsNorm(o, dout);
      case Op.LayerNorm o -> layerNorm(o, dout);
      case Op.Rope o -> {
        boolean add = gradients.isBegun(o.x());
        boolean rounded = dout.dtype() == DType.BF16;
        Tensor dx = rounded ? gradients.toWriteAlike(o.x()) : gradients.toWrite(o.x());
        kernels.ropeBackward(dx, dout, o.rotations(), o.headDim(), o.pairing(), add);
      }
      case Op.Attention o -> attention(o, dout);
      case Op.Gated o -> gated(o, dout);
      case Op.Activate o -> {
        boolean add = gradients.isBegun(o.x());
        kernels.activateBackward(gradients.toWrite(o.x()), dout, o.x(), o.activation(), add);
      }
      case Op.Add o -> add(o);
      case Op.Mul o -> mul(o, dout);
      case Op.Scale o -> kernels.addScaled(gradients.of(o.x()), dout, o.factor());
      case Op.SoftCap o -> kernels.softCapBackward(gradients.of(o.x()), dout, o.x(), o.cap());
      case Op.Softmax o -> kernels.softmaxBackward(gradients.of(o.x()), dout, o.out());
      case Op.Drop o -> {
        boolean add = gradients.isBegun(o.x());
        kernels.dropoutBackward(gradients.toWrite(o.x()), dout, o.dropout(), add);
      }
      case Op.RoutingWeights o ->
          kernels.routingWeightsBackward(
              gradients.of(o.logits()), dout, o.logits(), o.experts(), o.routing());
      case Op.ExpertLinear o -> expertLinear(o, dout);
      case Op.CombineExperts o ->
          kernels.combineExpertsBackward(
              gradients.of(o.x()), gradients.of(o.weights()), dout, o.x(), o.weights());
      case Op.CountRouting o -> {
        kernels.countRoutingBackward(gradients.of(o.logits()), dout, o.logits());
        return; // the sum has more terms: other layers need its derivative, too
      }
      case Op.BalanceLoss o ->
          kernels.balanceLossBackward(gradients.of(o.probabilities()), dout, o.counts(), o.rows());
      case Op.CrossEntropy o -> crossEntropy(o, dout);
      case Op.CrossEntropyRounded o -> {
        kernels.rescaleRounded(o.logits(), dout, o.factor());
        gradients.isInPlace(o.logits());
      }
      case Op.Block<?> o -> throw new IllegalArgumentException("a layer runs again: " + o.out());
    }
    gradients.finish(op.out());
  }

  private void embedding(Op.Embedding op, Tensor dout) {
    Tensor dtable = gradients.weight(op.table());
    if (dtable != null) {
      kernels.embeddingBackward(dtable, dout, op.ids());
    }
  }

  private void linear(Op.Linear op, Tensor dout, @Nullable Op before) {
    if (before instanceof Op.Activate activate && activate.out() == op.x()) {
      Tensor argument = activate.x();
      boolean together = argument.dtype() == DType.BF16 && gradients.isUnclaimed(op.x());
      Tensor rounded = together ? gradients.rounded(argument, argument.columns()) : null;
      if (rounded != null) {
        kernels.linearBackwardActivated(
            rounded,
            gradients.weight(op.w()),
            gradients.weight(op.bias()),
            dout,
            op.x(),
            op.w(),
            argument,
            activate.activation());
        return;
      }
    }
    product(op.x(), op.w(), op.bias(), dout, before != null && takesRounded(before, op.x()));
  }

  /** Whether the operation that made x takes a rounded derivative of it. */
  private static boolean takesRounded(Op maker, Tensor x) {
    return switch (maker) {
      case Op.Attention o -> o.out() == x;
      case Op.Gated o -> o.out() == x && o.gate().dtype() == x.dtype();
      case Op.Drop o -> o.out() == x;
      default -> false;
    };
  }

  /**
   * @param alike whether the derivative of x is rounded if x is
   */
  private void product(Tensor x, Tensor w, @Nullable Tensor bias, Tensor dout, boolean alike) {
    boolean add = gradients.isBegun(x);
    Tensor dx = null;
    if (gradients.reaches(x)) {
      dx = alike ? gradients.toWriteAlike(x) : gradients.toWrite(x);
    }
    kernels.linearBackward(dx, gradients.weight(w), gradients.weight(bias), dout, x, w, add);
  }

  private void addLinear(Op.AddLinear op, Tensor dout) {
    product(op.x(), op.w(), null, dout, false);
    if (gradients.reaches(op.y())) {
      gradients.move(op.out(), op.y());
    }
  }

  private void rmsNorm(Op.RmsNorm op, Tensor dout) {
    Tensor weight = op.weight();
    int width = weight == null ? op.x().columns() : Math.toIntExact(weight.shape().elements());
    boolean add = gradients.isBegun(op.x());
    kernels.rmsNormBackward(
        rows(gradients.toWrite(op.x()), width),
        gradients.weight(weight),
        rows(dout, width),
        rows(op.x(), width),
        weight,
        op.eps(),
        add);
  }

  private void layerNorm(Op.LayerNorm op, Tensor dout) {
    boolean add = gradients.isBegun(op.x());
    kernels.layerNormBackward(
        gradients.toWrite(op.x()),
        gradients.weight(op.weight()),
        gradients.weight(op.bias()),
        dout,
        op.x(),
        op.weight(),
        op.eps(),
        add);
  }

  /** The same elements as rows of {@code width}: the norm of a head knows nothing of the others. */
  private static Tensor rows(Tensor x, int width) {
    return x.columns() == width
        ? x
        : x.reshape(Math.toIntExact(x.shape().elements() / width), width);
  }

  private void attention(Op.Attention op, Tensor dout) {
    if (areNew(op.q(), op.k(), op.v())) {
      kernels.attentionBackward(
          gradients.toWriteAlike(op.q()),
          gradients.toWriteAlike(op.k()),
          gradients.toWriteAlike(op.v()),
          dout,
          op.out(),
          op.lse(),
          op.q(),
          op.k(),
          op.v(),
          op.attention(),
          false);
      return;
    }
    Tensor dq = gradients.of(op.q());
    Tensor dk = gradients.apart(op.k(), dq, dq);
    Tensor dv = gradients.apart(op.v(), dq, dk);
    kernels.attentionBackward(
        dq, dk, dv, dout, op.out(), op.lse(), op.q(), op.k(), op.v(), op.attention());
    gradients.join(op.k(), dk);
    gradients.join(op.v(), dv);
  }

  private void gated(Op.Gated op, Tensor dout) {
    if (areNew(op.gate(), op.up())) {
      Tensor dgate = gradients.toWriteAlike(op.gate());
      Tensor dup = gradients.toWriteAlike(op.up());
      kernels.gatedBackward(dgate, dup, dout, op.gate(), op.up(), op.activation(), false);
      return;
    }
    Tensor dgate = gradients.of(op.gate());
    Tensor dup = gradients.apart(op.up(), dgate, dgate);
    kernels.gatedBackward(dgate, dup, dout, op.gate(), op.up(), op.activation());
    gradients.join(op.up(), dup);
  }

  /** Whether tensors are different ones, and nothing was added to a derivative of them. */
  private boolean areNew(Tensor... tensors) {
    for (int i = 0; i < tensors.length; i++) {
      for (int other = 0; other < i; other++) {
        if (tensors[other] == tensors[i]) {
          return false;
        }
      }
      if (gradients.isBegun(tensors[i])) {
        return false;
      }
    }
    return true;
  }

  private void crossEntropy(Op.CrossEntropy op, Tensor dout) {
    Tensor logits = op.logits();
    if (gradients.putInPlace(logits)) {
      kernels.crossEntropyBackward(logits, dout, op.lse(), op.targets());
      return;
    }
    Tensor copy = gradients.scratch(logits.rows(), logits.columns());
    kernels.fill(copy, 0);
    kernels.addScaled(copy, logits, 1);
    kernels.crossEntropyBackward(copy, dout, op.lse(), op.targets());
    kernels.addScaled(gradients.of(logits), copy, 1);
    gradients.free(copy);
  }

  private void add(Op.Add op) {
    if (gradients.reaches(op.b())) {
      gradients.share(op.out(), op.b());
    }
    if (gradients.reaches(op.a())) {
      gradients.move(op.out(), op.a());
    }
  }

  private void mul(Op.Mul op, Tensor dout) {
    if (gradients.reaches(op.a())) {
      kernels.addProduct(gradients.of(op.a()), dout, op.b());
    }
    if (gradients.reaches(op.b())) {
      kernels.addProduct(gradients.of(op.b()), dout, op.a());
    }
  }

  private void expertLinear(Op.ExpertLinear op, Tensor dout) {
    Tensor dw = gradients.weight(op.w());
    if (dw != null) {
      kernels.expertLinearBackwardWeight(dw, dout, op.x(), op.experts(), op.w().dtype());
    }
    if (gradients.reaches(op.x())) {
      kernels.expertLinearBackwardInput(gradients.of(op.x()), dout, op.w(), op.experts());
    }
  }
}
