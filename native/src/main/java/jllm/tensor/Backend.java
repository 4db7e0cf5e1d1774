package jllm.tensor;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of one device, fused at the level that a model is written in.
 *
 * <p>Axes: N rows (positions of all sequences of a step), C width, O and I outputs and inputs of a
 * layer, H query heads, K key heads, D head width, V vocabulary, E experts, T positions. All
 * activations are row-major in {@link #activationType()}; every method overwrites {@code out},
 * which never overlaps an input unless said. Shapes and types were checked by {@link Exec}: an
 * implementation need not check again. A backend is used by one thread at a time and spreads the
 * work itself. What only training needs is in {@link TrainingKernels}.
 */
public interface Backend extends AutoCloseable {

  /**
   * One line for people: name, instruction set, threads; such as {@code vector (512-bit, 2
   * threads)}.
   */
  String describe();

  /** F32, or F64 for an oracle of gradient checks. */
  DType activationType();

  /**
   * The type of activations [rows, columns] that products alone read: the activation type, or a
   * rounded one, in which training keeps them for the backward pass. Norms, {@link #gated} and
   * {@link #activate} write it, {@link #linear} and its derivatives read it.
   */
  default DType operandType(int rows, int columns) {
    return activationType();
  }

  /**
   * The type in which attention takes queries, keys and values of whole sequences in training and
   * gives its result: the activation type, or a rounded one, of which {@link #operandType} is as
   * well. {@link #linear} and {@link #rope} write it; derivatives are of the same type then.
   *
   * @param steps T, positions of a sequence
   */
  default DType attentionType(AttentionSpec spec, int steps) {
    return activationType();
  }

  /**
   * How many positions of a prompt go through a model at once: so many that weights are read, and
   * decoded, seldom beside what is multiplied.
   */
  default int promptRows() {
    return 512;
  }

  /**
   * New memory of a lifetime of its own, for the operands of this backend. Ids, positions and
   * targets (I32) may be in host memory in any case.
   */
  default Memory memory() {
    return new HostMemory();
  }

  /** Copies the elements of a row-major tensor from host memory to where this backend has it. */
  default void upload(Tensor to, MemorySegment from) {
    MemorySegment.copy(from, 0, to.segment(), 0, Tensor.byteSize(to.dtype(), to.shape()));
  }

  /** Copies the elements of a row-major tensor of this backend to host memory. */
  default void download(MemorySegment to, Tensor from) {
    MemorySegment.copy(from.segment(), 0, to, 0, Tensor.byteSize(from.dtype(), from.shape()));
  }

  /** Waits until all is done that was started: for those who measure time. */
  default void synchronize() {}

  /** Times operations of this backend. */
  default OperationTimer timer() {
    return OperationTimer.ofHost();
  }

  /**
   * Takes a weight in host memory over, once, at load time. The result is what the other methods
   * accept in its place: the weight itself, or a copy in {@code memory} rearranged (or converted)
   * for this backend. When the result is another tensor, the caller may let the memory of the
   * original go.
   *
   * @param memory of {@link #memory}
   */
  Tensor adopt(Tensor weight, WeightUse use, Memory memory);

  /**
   * {@code out[n] = table[ids[n]]}. out [N, C]; table [V, C] of any type; ids I32 [N], each in
   * 0..V-1.
   */
  void embedding(Tensor out, Tensor table, Tensor ids);

  /** {@code out = x w^T + bias}. out [N, O]; x [N, I]; w [O, I] of any weight type; bias [O]. */
  void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias);

  /**
   * Root mean square norm of each row (Zhang and Sennrich 2019): {@code out = x / sqrt(mean(x^2) +
   * eps) * weight}. out and x [N, C]; weight [C], absent = 1. Rows are of the weight's length: for
   * a norm over each head, x is viewed as [N*H, D].
   */
  void rmsNorm(Tensor out, Tensor x, @Nullable Tensor weight, float eps);

  /**
   * Layer norm of each row (Ba et al. 2016), variance without Bessel's correction. Shapes as {@link
   * #rmsNorm}.
   */
  void layerNorm(Tensor out, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps);

  /**
   * {@link #add} and the {@link #rmsNorm} of the sum, which a backend may do in one pass over
   * memory.
   *
   * @param sum [N, C]; may be a
   * @param out [N, C]
   */
  default void addRmsNorm(
      Tensor sum, Tensor out, Tensor a, Tensor b, @Nullable Tensor weight, float eps) {
    add(sum, a, b);
    rmsNorm(out, sum, weight, eps);
  }

  /** {@link #add} and the {@link #layerNorm} of the sum, as {@link #addRmsNorm}. */
  default void addLayerNorm(
      Tensor sum,
      Tensor out,
      Tensor a,
      Tensor b,
      @Nullable Tensor weight,
      @Nullable Tensor bias,
      float eps) {
    add(sum, a, b);
    layerNorm(out, sum, weight, bias, eps);
  }

  /**
   * The angles of rotary position embedding for the positions of a step, shared by all its layers:
   * {@code out[n] = {cos(p f_0) m, sin(p f_0) m, cos(p f_1) m, ...}} with p = positions[n].
   * Computed in double precision before rounding.
   *
   * @param out [N, 2 * frequencies.length]
   * @param positions I32 [N]
   * @param frequencies radians per position for each pair
   * @param magnitude m, 1 unless the context extension scales it (YaRN, Peng et al. 2023, section
   *     3.4)
   */
  void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude);

  /**
   * Turns the first R components of each head, R = columns of rotations; the others are copied. out
   * and x [N, H*D] (out may be x); rotations [N, R] from {@link #rotations}; D = headDim.
   */
  void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing);

  /**
   * Scaled dot-product attention without the T x T matrix (online softmax, Milakov and Gimelshein
   * 2018; Dao et al. 2022).
   *
   * <p>Rows belong to {@code sequences} sequences of equal length, one after the other: with T = N
   * / sequences, query row {@code s*T + t} has position {@code past + t} in sequence s. Keys and
   * values of sequence s start at row {@code s * (rows / sequences)}; its first {@code past + T}
   * rows are valid.
   *
   * @param out [N, H*D]
   * @param q [N, H*D]
   * @param k [S, K*D] with S at least sequences * (past + T): activations, or a cache with room to
   *     grow, in a type of {@link #readsCacheOf}
   * @param v as k, perhaps of another type
   */
  void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past);

  /** {@code out = activation(gate) * up}: SwiGLU, GeGLU (Shazeer 2020). All [N, F]. */
  void gated(Tensor out, Tensor gate, Tensor up, Activation activation);

  /** {@code out = activation(x)}. Same shapes; out may be x. */
  void activate(Tensor out, Tensor x, Activation activation);

  /** {@code out = a + b}. Same shapes; out may be a. */
  void add(Tensor out, Tensor a, Tensor b);

  /** {@code out = a * b}, element by element. Same shapes; out may be a. */
  void mul(Tensor out, Tensor a, Tensor b);

  /** {@code out = x * factor}. Same shapes; out may be x. */
  void scale(Tensor out, Tensor x, float factor);

  /** {@code out = cap * tanh(x / cap)} (Gemma 2). Same shapes; out may be x. */
  void softCap(Tensor out, Tensor x, float cap);

  /** Softmax of each row. out and x [N, C]; out may be x. */
  void softmax(Tensor out, Tensor x);

  /**
   * Whether {@link #attention} reads keys and values of a type, and {@link #copyRows} writes them.
   * Heads are whole blocks of it.
   */
  default boolean readsCacheOf(DType type) {
    return type == activationType();
  }

  /**
   * Copies the rows of x [N, C] into rows {@code at}.. of out [S, C], rounded to its type: how a
   * key/value cache grows.
   */
  void copyRows(Tensor out, int at, Tensor x);

  /**
   * The indices of the largest values of each row, in falling order, ties to the smaller index:
   * which experts a token goes to. out I32 [N, U]; x [N, E].
   */
  void topK(Tensor out, Tensor x);

  /**
   * The weights of chosen experts: the softmax of each row of logits, over the chosen ones alone
   * ({@link Routing#renormalize}) or over all, times {@link Routing#scale}. out [N, U]; logits [N,
   * E]; experts I32 [N, U].
   */
  void routingWeights(Tensor out, Tensor logits, Tensor experts, Routing routing);

  /**
   * A linear layer whose weight each row chooses: {@code out[n*U + u] = w[experts[n, u]] x[r]} with
   * r = n when x has N rows and r = n*U + u when it has N*U. out [N*U, O]; w [E, O, I] of any
   * weight type; experts I32 [N, U].
   */
  void expertLinear(Tensor out, Tensor x, Tensor w, Tensor experts);

  /**
   * {@code out[n] = sum over u of weights[n, u] * x[n*U + u]}. out [N, C]; x [N*U, C]; weights [N,
   * U].
   */
  void combineExperts(Tensor out, Tensor x, Tensor weights);

  /** What it does together; null if nothing. */
  default @Nullable FusedOperations fused() {
    return null;
  }

  /** Whether {@link #record} works here. */
  default boolean records() {
    return false;
  }

  /**
   * Writes down what a step starts instead of doing it. Memory that the step works on must stay
   * where it is as long as the recording; the numbers it works with are read from there each time.
   * The same step must have been done before, so that nothing is left to be prepared.
   *
   * @param step operations whose operands, ids and positions too, are all in the backend's memory
   * @return null if it cannot be written down; then nothing was done
   */
  default @Nullable Recording record(Runnable step) {
    return null;
  }

  /** Blocks of models that another backend computes in the place of this one, if any are. */
  default @Nullable OffloadedBlocks offloadedBlocks() {
    return null;
  }

  /** The derivatives of these operations, losses and optimizers. */
  TrainingKernels training();

  @Override
  void close();
}
