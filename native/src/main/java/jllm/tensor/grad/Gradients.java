package jllm.tensor.grad;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import org.jspecify.annotations.Nullable;

/**
 * The derivatives of a step's tensors: those of weights are kept by {@link Parameters}, those of
 * activations made, zeroed, when first asked for, and used again for others once they were passed
 * on.
 */
final class Gradients {
  private final TrainingKernels kernels;
  private final Tape.Memory memory;
  private Parameters parameters = new Parameters();

  /** Activations that a trained weight has an influence on. */
  private final Set<Tensor> reached = Collections.newSetFromMap(new IdentityHashMap<>());

  private final Map<Tensor, Tensor> activations = new IdentityHashMap<>();

  /** What came from {@link #memory}; other derivatives lie in the memory of an activation. */
  private final Set<Tensor> made = Collections.newSetFromMap(new IdentityHashMap<>());

  private final List<Tensor> unused = new ArrayList<>();

  Gradients(TrainingKernels kernels, Tape.Memory memory) {
    this.kernels = kernels;
    this.memory = memory;
  }

  /** Starts a step. */
  void begin(Parameters trained) {
    parameters = trained;
    reached.clear();
    activations.clear();
    made.clear();
    unused.clear();
  }

  /** Whether the loss may depend on a trained weight by way of this tensor. */
  boolean reaches(@Nullable Tensor tensor) {
    return tensor != null && (reached.contains(tensor) || parameters.gradient(tensor) != null);
  }

  void reach(Tensor result) {
    reached.add(result);
  }

  /** The gradient of a weight; null if it is absent or not trained. */
  @Nullable Tensor weight(@Nullable Tensor weight) {
    return weight == null ? null : parameters.gradient(weight);
  }

  /** The derivative of an activation as it was summed up so far; null if nothing depends on it. */
  @Nullable Tensor find(Tensor activation) {
    return activations.get(activation);
  }

  /** The derivative of an activation, to add to. */
  Tensor of(Tensor activation) {
    Tensor present = activations.get(activation);
    if (present != null) {
      return present;
    }
    Tensor zeros = scratch(activation.rows(), activation.columns());
    kernels.fill(zeros, 0);
    activations.put(activation, zeros);
    return zeros;
  }

  /** A tensor of undefined contents, to be given back with {@link #free}. */
  Tensor scratch(int rows, int columns) {
    for (int i = unused.size() - 1; i >= 0; i--) {
      Tensor candidate = unused.get(i);
      if (candidate.dim(0) == rows && candidate.dim(1) == columns) {
        return unused.remove(i);
      }
    }
    Tensor tensor = memory.allocate(rows, columns);
    made.add(tensor);
    return tensor;
  }

  /**
   * The memory of an activation becomes that of its derivative, which is written as a whole.
   * Nothing else may depend on the activation.
   */
  void putInPlace(Tensor activation) {
    if (activations.putIfAbsent(activation, activation) != null) {
      throw new IllegalStateException("two losses of the same logits " + activation);
    }
  }

  /**
   * Adds the derivative of a finished result to that of an operand, by handing it over if it can.
   */
  void move(Tensor result, Tensor operand) {
    Tensor derivative = activations.get(result);
    if (derivative == null) {
      return;
    }
    if (activations.containsKey(operand)) {
      kernels.addScaled(of(operand), derivative, 1);
      finish(result);
    } else {
      activations.remove(result);
      activations.put(operand, derivative);
    }
  }

  /** Says that the derivative of a result was passed on to all its operands. */
  void finish(Tensor result) {
    Tensor derivative = activations.remove(result);
    if (derivative != null) {
      free(derivative);
    }
  }

  /** Lets a tensor be used again, if it is one of those made here. */
  void free(Tensor derivative) {
    if (made.contains(derivative)) {
      unused.add(derivative);
    }
  }
}
