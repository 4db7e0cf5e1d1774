package jllm.tensor.grad;

import java.util.ArrayList;
import java.util.List;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingKernels;
import org.jspecify.annotations.Nullable;

/**
 * The operations of a step in the order in which they were done, and their derivatives in reverse
 * (reverse accumulation, Linnainmaa 1970). A layer of which only the input was kept pushes its
 * operations when it runs again, and takes them off before anything below it.
 */
public final class Tape {

  /** Where the derivatives of activations are. */
  public interface Memory {
    /** That of activations. */
    DType type();

    /** A tensor with undefined contents, valid to the end of the step. */
    Tensor allocate(DType type, int rows, int columns);
  }

  /** Runs a layer again, with this tape, and calls {@link #backwardOf} with its result. */
  @FunctionalInterface
  public interface Rerun {
    <S> void run(Op.Block<S> block);
  }

  private final List<Op> ops = new ArrayList<>();
  private final Gradients gradients;
  private final Derivatives derivatives;

  /** Looks at each operation; null where none is looked at. */
  private @Nullable AnomalyDetector detector;

  /** Whether operations are only looked at, and not kept. */
  private boolean paused;

  public Tape(TrainingKernels kernels, Memory memory) {
    this.gradients = new Gradients(kernels, memory);
    this.derivatives = new Derivatives(kernels, gradients);
  }

  /** Has all operations of the steps to come looked at, by none if null. */
  public void detector(@Nullable AnomalyDetector looking) {
    detector = looking;
  }

  /** Whether operations are kept from now on, or only looked at: a layer will run again. */
  public void pause(boolean value) {
    paused = value;
  }

  /** Starts a step. */
  public void begin(Parameters parameters) {
    ops.clear();
    paused = false;
    gradients.begin(parameters);
  }

  /** Keeps an operation if a trained weight is among its operands, or has an influence on one. */
  public void record(Op op, Tensor a, @Nullable Tensor b, @Nullable Tensor c) {
    look(op);
    if (paused) {
      return;
    }
    if (gradients.reaches(a) || gradients.reaches(b) || gradients.reaches(c)) {
      ops.add(op);
      gradients.reach(op.out());
      gradients.read(a);
      gradients.read(b);
      gradients.read(c);
      if (op instanceof Op.Softmax || op instanceof Op.Attention) {
        gradients.use(op.out()); // their derivatives are computed from their results
      }
    }
  }

  /**
   * Keeps an operation whatever its operands are: a layer, whose weights are not known here, or a
   * sum that others were added to.
   */
  public void record(Op op) {
    look(op);
    if (paused) {
      return;
    }
    ops.add(op);
    gradients.reach(op.out());
    if (op instanceof Op.Block<?> block) {
      gradients.read(block.x());
    }
  }

  private void look(Op op) {
    if (detector != null) {
      detector.written(op);
    }
  }

  /** Adds {@code factor} to the derivative of each element of a result. */
  public void seed(Tensor result, float factor) {
    derivatives.seed(result, factor);
    if (detector != null) {
      detector.seeded(gradients.of(result));
    }
  }

  /** Takes all operations off, the last one first, and adds up the gradients of the weights. */
  public void backward(Rerun rerun) {
    backwardTo(0, rerun);
  }

  /**
   * The backward pass of a layer that ran again.
   *
   * @param size of the tape before it ran
   * @param result what it returned this time
   */
  public void backwardOf(Op.Block<?> block, int size, Tensor result, Rerun rerun) {
    gradients.move(block.out(), result);
    backwardTo(size, rerun);
  }

  public int size() {
    return ops.size();
  }

  private void backwardTo(int size, Rerun rerun) {
    while (ops.size() > size) {
      Op op = ops.removeLast();
      Tensor dout = gradients.find(op.out());
      if (dout == null) {
        // Nothing that was seeded depends on it, or the operation after it passed both at once.
        passed(op);
        continue;
      }
      if (op instanceof Op.Block<?> block) {
        rerun.run(block);
      } else {
        derivatives.pass(op, dout, ops.isEmpty() ? null : ops.getLast());
        passed(op);
      }
    }
  }

  private void passed(Op op) {
    if (detector != null) {
      detector.passed(op, gradients);
    }
  }
}
