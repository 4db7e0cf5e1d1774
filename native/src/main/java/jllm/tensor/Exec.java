package jllm.tensor;

import static jllm.tensor.Checks.fits;
import static jllm.tensor.Checks.typed;

import java.lang.foreign.MemorySegment;
import jllm.tensor.grad.AnomalyDetector;
import jllm.tensor.grad.Op;
import jllm.tensor.grad.Parameters;
import jllm.tensor.grad.Tape;
import org.jspecify.annotations.Nullable;

/**
 * One step of work on a {@link Backend}: checks shapes, finds memory for the results, calls the
 * kernels. A model is written against this class alone. Results are valid until the next {@link
 * #reset} or, inside {@link #block}, until the block ends.
 *
 * <p>Shapes or types that do not fit are reported as {@link IllegalArgumentException} with the
 * operation and what was found. No check allocates: a step leaves nothing for the garbage
 * collector.
 */
public final class Exec extends Operations implements AutoCloseable {
  private final Slab gradientSlab;
  private final TrainingKernels kernels;
  private final Tape recorder;
  private final Tape.Rerun rerun = this::rerun;
  private Activations kept = Activations.STORED;

  /** Copies of results for the host, if the backend computes elsewhere. */
  private final HostMemory hostMemory = new HostMemory();

  private MemorySegment hostBytes = MemorySegment.NULL;

  /** What losses are to be seeded with. */
  private float lossFactor = 1;

  /** Whether a layer does again what counts already. */
  private boolean rerunning;

  private @Nullable AnomalyDetector detector;

  public Exec(Backend backend) {
    super(backend);
    this.gradientSlab = new Slab(backend::memory);
    this.kernels = backend.training();
    this.recorder = new Tape(kernels, derivatives());
  }

  private Tape.Memory derivatives() {
    return new Tape.Memory() {
      @Override
      public DType type() {
        return type;
      }

      @Override
      public Tensor allocate(DType wanted, int rows, int columns) {
        return gradientSlab.allocate(wanted, rows, columns);
      }
    };
  }

  public Backend backend() {
    return backend;
  }

  /**
   * A result where the host can read it: itself, or a copy that is valid until the next one is
   * asked for.
   */
  public Tensor onHost(Tensor result) {
    if (result.isOnHost()) {
      return result;
    }
    long bytes = Tensor.byteSize(result.dtype(), result.shape());
    if (hostBytes.byteSize() < bytes) {
      hostBytes = hostMemory.allocate(bytes, Tensor.ALIGNMENT);
    }
    Tensor copy = Tensor.of(hostBytes.asSlice(0, bytes), result.dtype(), result.shape());
    backend.download(copy.segment(), result);
    return copy;
  }

  /** A copy, as a result of this step, of the result of a step on another backend. */
  public Tensor copyOf(Tensor result, Exec other) {
    typed(result, type, "copyOf");
    Tensor out = slab.allocate(type, result.rows(), result.columns());
    if (out.isOnHost()) {
      other.backend.download(out.segment(), result);
    } else {
      backend.upload(out, result.segment());
    }
    return out;
  }

  /** Bytes held for the results of steps and, in training, for their derivatives. */
  public long bytes() {
    return slab.capacity() + gradientSlab.capacity();
  }

  /** Starts a step: the results of the one before are void. */
  public void reset() {
    slab.reset();
    tape = null;
    training = false;
    rerunning = false;
  }

  /**
   * Starts a training step: the results of the one before are void, and operations are recorded
   * until the next reset. Operands must keep their values until {@link #backward}: the ids,
   * positions and targets of a batch, too.
   *
   * @param parameters the weights that get gradients
   * @param activations what is kept of each {@link #block}
   * @param factor that losses will be {@link #seed seeded} with: backends may compute derivatives
   *     ahead. Another one is no error, but takes longer
   */
  public void resetToTrain(Parameters parameters, Activations activations, float factor) {
    reset();
    lossFactor = factor == 0 || !Float.isFinite(factor) ? 1 : factor;
    kept = activations;
    gradientSlab.reset();
    recorder.begin(parameters);
    tape = recorder;
    training = true;
  }

  /** The same for losses that are seeded with 1. */
  public void resetToTrain(Parameters parameters, Activations activations) {
    resetToTrain(parameters, activations, 1);
  }

  /** Has all operations of training steps to come looked at; by none if null. */
  public void detector(@Nullable AnomalyDetector looking) {
    detector = looking;
    recorder.detector(looking);
  }

  /** Whether the step was begun with {@link #resetToTrain}. */
  public boolean isTraining() {
    return training;
  }

  /** Adds {@code factor} to the derivative of the step's loss by each element of a result. */
  public void seed(Tensor result, float factor) {
    typed(result, type, "seed");
    trainingTape("seed").seed(result, factor);
  }

  /**
   * Adds the derivatives of what was seeded to the gradients of the parameters. Results of the step
   * are void afterwards, but for the losses.
   */
  public void backward() {
    trainingTape("backward").backward(rerun);
  }

  private Tape trainingTape(String operation) {
    if (tape == null) {
      throw new IllegalStateException(operation + ": the step was not begun with resetToTrain");
    }
    return tape;
  }

  /**
   * Runs a layer. In training its result is a new tensor, and what it did is kept or done again, as
   * the step was begun. Elsewhere its result moves into the memory of x, so that a model of any
   * depth needs the activations of one layer only.
   *
   * @param x the residual stream, a result of this step; void afterwards
   * @param step handed to the layer; in training, not changed before {@link #backward} is done
   * @return the new residual stream
   */
  public <S> Tensor block(Layer<S> layer, Tensor x, S step) {
    if (tape == null) {
      return runInto(x, layer, x, step);
    }
    if (kept == Activations.STORED) {
      return forward(layer, x, step);
    }
    Tensor out = like(x);
    if (detector == null) {
      tape = null;
    }
    recorder.pause(true);
    runInto(out, layer, x, step);
    recorder.pause(false);
    tape = recorder;
    tape.record(new Op.Block<>(out, x, layer, step));
    return out;
  }

  private <S> Tensor forward(Layer<S> layer, Tensor x, S step) {
    if (detector == null) {
      return layer.forward(this, x, step);
    }
    detector.enter(layer);
    Tensor result = layer.forward(this, x, step);
    detector.leave();
    return result;
  }

  private <S> Tensor runInto(Tensor out, Layer<S> layer, Tensor x, S step) {
    long mark = slab.mark();
    Tensor result = forward(layer, x, step);
    same("block", x, result);
    slab.release(mark);
    if (result != out) {
      backend.copyRows(out, 0, result);
    }
    return out;
  }

  /** The activations of the layer live until its backward pass is over. */
  private <S> void rerun(Op.Block<S> block) {
    long mark = slab.mark();
    int size = recorder.size();
    rerunning = true;
    Tensor result = forward(block.layer(), block.x(), block.step());
    rerunning = false;
    recorder.backwardOf(block, size, result, rerun);
    slab.release(mark);
  }

  /**
   * The type that {@link #attention(Tensor, Tensor, Tensor, TrainingAttention)} takes and gives in
   * this step.
   *
   * @param rows of queries
   */
  public DType attentionType(AttentionSpec spec, int rows, int sequences) {
    return training ? backend.attentionType(spec, rows / sequences) : type;
  }

  /**
   * Attention over whole sequences without a cache, q, k and v [N, ..] of the same rows, each in
   * the activation type or that of {@link #attentionType}; the result is of the type of v. See
   * {@link TrainingKernels#attention}.
   */
  public Tensor attention(Tensor q, Tensor k, Tensor v, TrainingAttention attention) {
    AttentionSpec spec = attention.spec();
    if (!training && attention.starts() == null && attention.dropout() == null) {
      return attention(q, k, v, spec, attention.sequences(), 0);
    }
    checkAttention(q, k, v, spec);
    operand(q, "attention");
    operand(k, "attention");
    operand(v, "attention");
    int rows = q.rows();
    fits(k.rows() == rows && rows % attention.sequences() == 0, "attention (sequences)", q, k);
    Tensor starts = attention.starts();
    if (starts != null) {
      fits(starts.shape().elements() == rows, "attention (starts)", q, starts);
      Checks.ids(starts, 0, rows / attention.sequences(), "attention (starts)", q);
    }
    Tensor out = slab.allocate(v.dtype(), rows, q.columns());
    Tensor lse = slab.allocate(type, rows, spec.heads());
    kernels.attention(out, lse, q, k, v, attention);
    if (tape != null) {
      tape.record(new Op.Attention(out, lse, q, k, v, attention), q, k, v);
    }
    return out;
  }

  /**
   * The sum of y [N, O] and x w^T for x [N, I] and w [O, I]. It takes the place of y, which is void
   * afterwards; see {@link TrainingKernels#addLinear}.
   */
  public Tensor addLinear(Tensor y, Tensor x, Tensor w) {
    if (!training) {
      if (!addToLinear(y, x, w, null)) {
        long mark = slab.mark();
        addTo(y, linear(x, w, null));
        slab.release(mark);
      }
      return y;
    }
    operand(y, "addLinear");
    typed(x, type, "addLinear");
    fits(x.columns() == w.columns() && w.shape().rank() == 2, "addLinear", x, w);
    fits(y.rows() == x.rows() && y.columns() == w.dim(0), "addLinear", y, w);
    kernels.addLinear(y, x, w);
    Tensor out = slab.view(y, 0, y.rows(), y.columns());
    if (tape != null) {
      tape.record(new Op.AddLinear(out, y, x, w), y, x, w);
    }
    return out;
  }

  /** See {@link TrainingKernels#dropout}. */
  public Tensor dropout(Tensor x, Dropout dropout) {
    operand(x, "dropout");
    Tensor out = slab.allocate(x.dtype(), x.rows(), x.columns());
    kernels.dropout(out, x, dropout);
    if (tape != null) {
      tape.record(new Op.Drop(out, x, dropout), x, null, null);
    }
    return out;
  }

  /**
   * Sums for the load-balancing loss of a step.
   *
   * @param rows tokens times layers that will be counted
   */
  public RouterBalance routerBalance(int experts, long rows) {
    Tensor counts = slab.allocate(type, 1, experts);
    Tensor probabilities = slab.allocate(type, 1, experts);
    kernels.fill(counts, 0);
    kernels.fill(probabilities, 0);
    return new RouterBalance(counts, probabilities, rows);
  }

  /** See {@link TrainingKernels#countRouting}. A layer that is done again counts once. */
  public void countRouting(RouterBalance balance, Tensor logits, Tensor experts) {
    typed(logits, type, "countRouting");
    typed(experts, DType.I32, "countRouting");
    fits(logits.rows() == experts.rows(), "countRouting", logits, experts);
    fits(logits.columns() == balance.counts().columns(), "countRouting", logits, balance.counts());
    if (!rerunning) {
      kernels.countRouting(balance.counts(), balance.probabilities(), logits, experts);
    }
    if (tape != null) {
      tape.record(new Op.CountRouting(balance.probabilities(), logits), logits, null, null);
    }
  }

  /** The load-balancing loss of what was counted, [1, 1]; see {@link TrainingKernels}. */
  public Tensor balanceLoss(RouterBalance balance) {
    Tensor out = slab.allocate(type, 1, 1);
    Tensor counts = balance.counts();
    Tensor probabilities = balance.probabilities();
    kernels.balanceLoss(out, counts, probabilities, balance.rows());
    if (tape != null) {
      tape.record(new Op.BalanceLoss(out, counts, probabilities, balance.rows()));
    }
    return out;
  }

  /**
   * The loss of each row, [N, 1]; see {@link TrainingKernels#crossEntropy}. In training, {@link
   * #backward} may overwrite the logits.
   */
  public Tensor crossEntropy(Tensor logits, Tensor targets) {
    typed(logits, type, "crossEntropy");
    fits(targets.shape().elements() == logits.rows(), "crossEntropy", logits, targets);
    Checks.ids(targets, -1, logits.columns(), "crossEntropy", logits);
    Tensor out = slab.allocate(type, logits.rows(), 1);
    Tensor lse = slab.allocate(type, logits.rows(), 1);
    kernels.crossEntropy(out, lse, logits, targets);
    if (tape != null) {
      tape.record(new Op.CrossEntropy(out, lse, logits, targets), logits, null, null);
    }
    return out;
  }

  /**
   * The loss of each row, [N, 1], where logits are those of an output layer, x [N, I] times the
   * transpose of w [V, I], and are wanted for nothing else: what backends can do with less memory
   * while training. See {@link TrainingKernels#crossEntropyRounded}.
   */
  public Tensor crossEntropy(Tensor x, Tensor w, Tensor targets) {
    int columns = training ? kernels.roundedColumns(w.dim(0)) : 0;
    if (columns == 0) {
      return crossEntropy(linear(x, w, null), targets);
    }
    operand(x, "crossEntropy");
    fits(x.columns() == w.columns() && w.shape().rank() == 2, "crossEntropy", x, w);
    fits(targets.shape().elements() == x.rows(), "crossEntropy", x, targets);
    Checks.ids(targets, -1, w.dim(0), "crossEntropy", w);
    Tensor out = slab.allocate(type, x.rows(), 1);
    Tensor logits = slab.allocate(DType.BF16, x.rows(), columns);
    kernels.roundedLogits(logits, x, w);
    if (tape != null) {
      tape.record(new Op.Linear(logits, x, w, null), x, w, null);
    }
    kernels.crossEntropyRounded(out, logits, targets, w.dim(0), lossFactor);
    if (tape != null) {
      tape.record(new Op.CrossEntropyRounded(out, logits, targets, lossFactor), logits, null, null);
    }
    return out;
  }

  @Override
  public void close() {
    hostMemory.close();
    gradientSlab.close();
    slab.close();
  }
}
