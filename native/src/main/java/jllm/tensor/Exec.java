package jllm.tensor;

import org.jspecify.annotations.Nullable;

/**
 * One step of work on a {@link Backend}: checks shapes, finds memory for the results, calls the
 * kernels. A model is written against this class alone. Results are valid until the next {@link
 * #reset} or, inside {@link #block}, until the block ends.
 *
 * <p>Shapes that do not fit are reported as {@link IllegalArgumentException} with the operation and
 * both shapes.
 */
public final class Exec implements AutoCloseable {
  private final Backend backend;
  private final DType type;
  private final Slab slab = new Slab();

  public Exec(Backend backend) {
    this.backend = backend;
    this.type = backend.activationType();
  }

  public Backend backend() {
    return backend;
  }

  /** Starts a step: the results of the one before are void. */
  public void reset() {
    slab.reset();
  }

  /**
   * Runs a layer and moves its result into the memory of x, so that a model of any depth needs the
   * activations of one layer only.
   *
   * @param x the residual stream, a result of this step; void afterwards
   * @param step handed to the layer
   * @return the new residual stream
   */
  public <S> Tensor block(Layer<S> layer, Tensor x, S step) {
    long mark = slab.mark();
    Tensor result = layer.forward(this, x, step);
    same("block", x, result);
    slab.release(mark, result, x);
    return x;
  }

  public Tensor embedding(Tensor table, Tensor ids) {
    check(ids.dtype() == DType.I32, "embedding", "ids", ids, "I32 ids");
    Tensor out = slab.allocate(type, Math.toIntExact(ids.shape().elements()), table.columns());
    backend.embedding(out, table, ids);
    return out;
  }

  public Tensor linear(Tensor x, Tensor w, @Nullable Tensor bias) {
    fits(x.columns() == w.columns() && w.shape().rank() == 2, "linear", x, w);
    if (bias != null) {
      fits(bias.shape().elements() == w.dim(0), "linear (bias)", bias, w);
    }
    Tensor out = slab.allocate(type, x.rows(), w.dim(0));
    backend.linear(out, x, w, bias);
    return out;
  }

  public Tensor rmsNorm(Tensor x, @Nullable Tensor weight, float eps) {
    fits(weight == null || weight.shape().elements() == x.columns(), "rmsNorm", x, weight);
    Tensor out = like(x);
    backend.rmsNorm(out, x, weight, eps);
    return out;
  }

  /** A root mean square norm over each head: x [N, H*D], weight [D]. */
  public Tensor headRmsNorm(Tensor x, Tensor weight, float eps) {
    int headDim = Math.toIntExact(weight.shape().elements());
    fits(x.columns() % headDim == 0, "headRmsNorm", x, weight);
    int heads = x.columns() / headDim;
    Tensor out = like(x);
    backend.rmsNorm(
        slab.view(out, 0, x.rows() * heads, headDim),
        slab.view(x, 0, x.rows() * heads, headDim),
        weight,
        eps);
    return out;
  }

  public Tensor layerNorm(Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    fits(weight == null || weight.shape().elements() == x.columns(), "layerNorm", x, weight);
    fits(bias == null || bias.shape().elements() == x.columns(), "layerNorm", x, bias);
    Tensor out = like(x);
    backend.layerNorm(out, x, weight, bias, eps);
    return out;
  }

  /** See {@link Backend#rotations}. */
  public Tensor rotations(Tensor positions, double[] frequencies, float magnitude) {
    check(positions.dtype() == DType.I32, "rotations", "positions", positions, "I32 positions");
    Tensor out =
        slab.allocate(type, Math.toIntExact(positions.shape().elements()), 2 * frequencies.length);
    backend.rotations(out, positions, frequencies, magnitude);
    return out;
  }

  public Tensor rope(Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    fits(
        x.rows() == rotations.rows()
            && x.columns() % headDim == 0
            && rotations.columns() <= headDim,
        "rope",
        x,
        rotations);
    Tensor out = like(x);
    backend.rope(out, x, rotations, headDim, pairing);
    return out;
  }

  /** See {@link Backend#attention}. */
  public Tensor attention(
      Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    fits(
        q.columns() == spec.heads() * spec.headDim() && q.rows() % sequences == 0,
        "attention (heads)",
        q,
        k);
    fits(
        k.columns() == spec.kvHeads() * spec.headDim() && k.rows() % sequences == 0,
        "attention (keys)",
        q,
        k);
    fits(k.shape().equals(v.shape()), "attention (values)", k, v);
    fits(
        k.rows() / sequences >= past + q.rows() / sequences,
        "attention (positions " + past + "+)",
        q,
        k);
    Tensor out = like(q);
    backend.attention(out, q, k, v, spec, sequences, past);
    return out;
  }

  public Tensor gated(Tensor gate, Tensor up, Activation activation) {
    same("gated", gate, up);
    Tensor out = like(gate);
    backend.gated(out, gate, up, activation);
    return out;
  }

  public Tensor activate(Tensor x, Activation activation) {
    Tensor out = like(x);
    backend.activate(out, x, activation);
    return out;
  }

  public Tensor add(Tensor a, Tensor b) {
    same("add", a, b);
    Tensor out = like(a);
    backend.add(out, a, b);
    return out;
  }

  public Tensor mul(Tensor a, Tensor b) {
    same("mul", a, b);
    Tensor out = like(a);
    backend.mul(out, a, b);
    return out;
  }

  public Tensor scale(Tensor x, float factor) {
    Tensor out = like(x);
    backend.scale(out, x, factor);
    return out;
  }

  public Tensor softCap(Tensor x, float cap) {
    Tensor out = like(x);
    backend.softCap(out, x, cap);
    return out;
  }

  public Tensor softmax(Tensor x) {
    Tensor out = like(x);
    backend.softmax(out, x);
    return out;
  }

  /** Writes the rows of x into rows {@code at}.. of a cache that outlives the step. */
  public void copyRows(Tensor cache, int at, Tensor x) {
    fits(
        cache.columns() == x.columns() && at >= 0 && at + x.rows() <= cache.rows(),
        "copyRows at " + at,
        cache,
        x);
    backend.copyRows(cache, at, x);
  }

  /** The last row of x as a tensor [1, C] that shares its memory. */
  public Tensor lastRow(Tensor x) {
    long rowBytes = x.dtype().bytes(x.columns());
    return slab.view(x, (x.rows() - 1) * rowBytes, 1, x.columns());
  }

  /**
   * The indices of the {@code count} largest values of each row, I32 [N, count]; see {@link
   * Backend#topK}.
   */
  public Tensor topK(Tensor x, int count) {
    fits(count > 0 && count <= x.columns(), "topK of " + count, x, null);
    Tensor out = slab.allocate(DType.I32, x.rows(), count);
    backend.topK(out, x);
    return out;
  }

  /** The weights of the chosen experts, [N, U]; see {@link Backend#routingWeights}. */
  public Tensor routingWeights(Tensor logits, Tensor experts, Routing routing) {
    fits(
        logits.rows() == experts.rows() && experts.columns() == routing.used(),
        "routingWeights",
        logits,
        experts);
    Tensor out = slab.allocate(type, logits.rows(), experts.columns());
    backend.routingWeights(out, logits, experts, routing);
    return out;
  }

  public Tensor expertLinear(Tensor x, Tensor w, Tensor experts) {
    int chosen = Math.toIntExact(experts.shape().elements());
    fits(x.columns() == w.columns() && w.shape().rank() == 3, "expertLinear", x, w);
    fits(x.rows() == chosen || x.rows() == experts.rows(), "expertLinear", x, experts);
    Tensor out = slab.allocate(type, chosen, w.dim(1));
    backend.expertLinear(out, x, w, experts);
    return out;
  }

  public Tensor combineExperts(Tensor x, Tensor weights) {
    fits(x.rows() == weights.shape().elements(), "combineExperts", x, weights);
    Tensor out = slab.allocate(type, weights.rows(), x.columns());
    backend.combineExperts(out, x, weights);
    return out;
  }

  private Tensor like(Tensor x) {
    return slab.allocate(type, x.rows(), x.columns());
  }

  private static void same(String operation, Tensor a, Tensor b) {
    fits(a.shape().equals(b.shape()), operation, a, b);
  }

  private static void fits(boolean fits, String operation, Tensor a, @Nullable Tensor b) {
    if (!fits) {
      throw new IllegalArgumentException(operation + ": the shapes do not fit: " + a + " and " + b);
    }
  }

  private static void check(
      boolean good, String operation, String what, Tensor found, String expected) {
    if (!good) {
      throw new IllegalArgumentException(
          operation + ": " + what + " is " + found + ", expected " + expected);
    }
  }

  @Override
  public void close() {
    slab.close();
  }
}
