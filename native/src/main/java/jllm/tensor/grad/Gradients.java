package jllm.tensor.grad;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import jllm.tensor.DType;
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

  private final IdentityHashMap<Tensor, Tensor> activations = new IdentityHashMap<>();

  /** Tensors whose elements the derivative of an operation may need, and those of several. */
  private final Set<Tensor> used = Collections.newSetFromMap(new IdentityHashMap<>());

  private final Set<Tensor> usedOften = Collections.newSetFromMap(new IdentityHashMap<>());

  /** Operands of an operation, and those of several. */
  private final Set<Tensor> read = Collections.newSetFromMap(new IdentityHashMap<>());

  private final Set<Tensor> readOften = Collections.newSetFromMap(new IdentityHashMap<>());

  /**
   * Of derivatives that belong to several activations, how many others have it besides the first.
   */
  private final IdentityHashMap<Tensor, Integer> alsoOf = new IdentityHashMap<>();

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
    alsoOf.clear();
    used.clear();
    usedOften.clear();
    read.clear();
    readOften.clear();
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

  /** Says that the derivative of an operation may need the elements of a tensor. */
  void use(@Nullable Tensor tensor) {
    if (tensor != null && !used.add(tensor)) {
      usedOften.add(tensor);
    }
  }

  /** Says that a tensor is an operand of an operation. */
  void read(@Nullable Tensor tensor) {
    use(tensor);
    if (tensor != null && !read.add(tensor)) {
      readOften.add(tensor);
    }
  }

  /** The gradient of a weight, to add to; null if it is absent or does not get one. */
  @Nullable Tensor weight(@Nullable Tensor weight) {
    return weight == null || !reaches(weight) ? null : of(weight);
  }

  /** The derivative of an activation as it was summed up so far; null if nothing depends on it. */
  @Nullable Tensor find(Tensor activation) {
    return activations.get(activation);
  }

  /** The derivative of an activation or the gradient of a trained weight, to add to. */
  Tensor of(Tensor tensor) {
    Tensor present = parameters.gradient(tensor);
    if (present == null) {
      present = activations.get(tensor);
    }
    if (present == null) {
      present = zeros(tensor);
      activations.put(tensor, present);
    } else if (alsoOf.containsKey(present)) {
      present = copy(present);
      finish(tensor);
      activations.put(tensor, present);
    }
    return present;
  }

  private Tensor copy(Tensor derivative) {
    Tensor copy = zeros(derivative);
    kernels.addScaled(copy, derivative, 1);
    return copy;
  }

  /**
   * Whether something was added to the derivative of a tensor, or may have been before the step.
   */
  boolean isBegun(Tensor tensor) {
    return activations.containsKey(tensor) || parameters.gradient(tensor) != null;
  }

  /**
   * As {@link #of}, but undefined if it is not {@link #isBegun begun}: to be written as a whole.
   */
  Tensor toWrite(Tensor tensor) {
    if (isBegun(tensor)) {
      return of(tensor);
    }
    Tensor derivative = scratch(tensor.rows(), tensor.columns());
    activations.put(tensor, derivative);
    return derivative;
  }

  /**
   * As {@link #of}, but never {@code taken} nor {@code alsoTaken}: a kernel adds to different
   * tensors even where its operands are the same. To be followed by {@link #join}.
   */
  Tensor apart(Tensor operand, Tensor taken, Tensor alsoTaken) {
    Tensor derivative = of(operand);
    return derivative == taken || derivative == alsoTaken ? zeros(operand) : derivative;
  }

  /** Adds what {@link #apart} gave to the derivative of the operand. */
  void join(Tensor operand, Tensor part) {
    Tensor derivative = of(operand);
    if (derivative != part) {
      kernels.addScaled(derivative, part, 1);
      free(part);
    }
  }

  private Tensor zeros(Tensor like) {
    Tensor zeros = scratch(like.rows(), like.columns());
    kernels.fill(zeros, 0);
    return zeros;
  }

  /** A tensor of undefined contents, to be given back with {@link #free}. */
  Tensor scratch(int rows, int columns) {
    return scratch(memory.type(), rows, columns);
  }

  private Tensor scratch(DType type, int rows, int columns) {
    for (int i = unused.size() - 1; i >= 0; i--) {
      Tensor candidate = unused.get(i);
      if (candidate.dtype() == type && candidate.dim(0) == rows && candidate.dim(1) == columns) {
        return unused.remove(i);
      }
    }
    Tensor tensor = memory.allocate(type, rows, columns);
    made.add(tensor);
    return tensor;
  }

  /**
   * Whether the loss depends on an activation by way of the operation whose turn it is alone, so
   * that its derivative can be written as a whole.
   */
  boolean isUnclaimed(Tensor activation) {
    return !readOften.contains(activation)
        && parameters.gradient(activation) == null
        && !activations.containsKey(activation);
  }

  /**
   * Makes a tensor in BF16, which is written as a whole, the derivative of an activation, if
   * nothing else depends on the activation.
   *
   * @param columns of its rows, those of the activation or more
   * @return null if something does
   */
  @Nullable Tensor rounded(Tensor activation, int columns) {
    if (!isUnclaimed(activation)) {
      return null;
    }
    Tensor derivative = scratch(DType.BF16, activation.rows(), columns);
    activations.put(activation, derivative);
    return derivative;
  }

  /**
   * As {@link #toWrite}, but of a rounded activation that nothing else depends on rounded, too: for
   * operations whose operands come from those that take such derivatives.
   */
  Tensor toWriteAlike(Tensor activation) {
    Tensor rounded =
        activation.dtype() == DType.BF16 ? rounded(activation, activation.columns()) : null;
    return rounded == null ? toWrite(activation) : rounded;
  }

  /**
   * Makes the memory of an activation that of its derivative, which is written as a whole, if
   * nothing else depends on the activation.
   *
   * @return whether it was done
   */
  boolean putInPlace(Tensor activation) {
    boolean possible = isUnclaimed(activation) && !usedOften.contains(activation);
    if (possible) {
      activations.put(activation, activation);
    }
    return possible;
  }

  /** Says that an activation, which nothing else depends on, holds its derivative already. */
  void isInPlace(Tensor activation) {
    if (!isUnclaimed(activation)) {
      throw new IllegalStateException("more depends on what became its derivative: " + activation);
    }
    activations.put(activation, activation);
  }

  /**
   * Adds the derivative of a finished result to that of an operand, by handing it over if it can.
   */
  void move(Tensor result, Tensor operand) {
    Tensor derivative = activations.get(result);
    if (derivative == null) {
      return;
    }
    if (isBegun(operand)) {
      kernels.addScaled(of(operand), derivative, 1);
      finish(result);
    } else {
      activations.remove(result);
      activations.put(operand, derivative);
    }
  }

  /**
   * Adds the derivative of a result to that of an operand, whose it becomes as well if it has none
   * yet: a derivative of several is copied when something is added to that of one.
   */
  void share(Tensor result, Tensor operand) {
    Tensor derivative = activations.get(result);
    if (derivative == null) {
      return;
    }
    if (isBegun(operand)) {
      kernels.addScaled(of(operand), derivative, 1);
    } else {
      activations.put(operand, derivative);
      alsoOf.merge(derivative, 1, Integer::sum);
    }
  }

  /** Says that the derivative of a result was passed on to all its operands. */
  void finish(Tensor result) {
    Tensor derivative = activations.remove(result);
    if (derivative == null) {
      return;
    }
    Integer others = alsoOf.remove(derivative);
    if (others == null) {
      free(derivative);
    } else if (others > 1) {
      alsoOf.put(derivative, others - 1);
    }
  }

  /** Lets a tensor be used again, if it is one of those made here. */
  void free(Tensor derivative) {
    if (made.contains(derivative)) {
      unused.add(derivative);
    }
  }
}
