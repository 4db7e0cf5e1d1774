package jllm.tensor;

import java.lang.foreign.ValueLayout;
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
    typed(ids, DType.I32, "embedding");
    fits(table.shape().rank() == 2, "embedding", table, ids);
    checkIds(ids, table);
    Tensor out = slab.allocate(type, Math.toIntExact(ids.shape().elements()), table.columns());
    backend.embedding(out, table, ids);
    return out;
  }

  private static void checkIds(Tensor ids, Tensor table) {
    long count = ids.shape().elements();
    for (long i = 0; i < count; i++) {
      int id = ids.segment().getAtIndex(ValueLayout.JAVA_INT, i);
      if (id < 0 || id >= table.dim(0)) {
        throw new IllegalArgumentException(
            "embedding: id " + id + " at place " + i + "; " + table + " has " + table.dim(0));
      }
    }
  }

  public Tensor linear(Tensor x, Tensor w, @Nullable Tensor bias) {
    typed(x, type, "linear");
    fits(x.columns() == w.columns() && w.shape().rank() == 2, "linear", x, w);
    if (bias != null) {
      fits(bias.shape().elements() == w.dim(0), "linear (bias)", bias, w);
    }
    Tensor out = slab.allocate(type, x.rows(), w.dim(0));
    backend.linear(out, x, w, bias);
    return out;
  }

  public Tensor rmsNorm(Tensor x, @Nullable Tensor weight, float eps) {
    typed(x, type, "rmsNorm");
    fits(weight == null || weight.shape().elements() == x.columns(), "rmsNorm", x, weight);
    Tensor out = like(x);
    backend.rmsNorm(out, x, weight, eps);
    return out;
  }

  /** A root mean square norm over each head: x [N, H*D], weight [D]. */
  public Tensor headRmsNorm(Tensor x, Tensor weight, float eps) {
    int headDim = Math.toIntExact(weight.shape().elements());
    typed(x, type, "headRmsNorm");
    fits(headDim > 0 && x.columns() % headDim == 0, "headRmsNorm", x, weight);
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
    typed(x, type, "layerNorm");
    fits(weight == null || weight.shape().elements() == x.columns(), "layerNorm", x, weight);
    fits(bias == null || bias.shape().elements() == x.columns(), "layerNorm", x, bias);
    Tensor out = like(x);
    backend.layerNorm(out, x, weight, bias, eps);
    return out;
  }

  /** See {@link Backend#rotations}. */
  public Tensor rotations(Tensor positions, double[] frequencies, float magnitude) {
    typed(positions, DType.I32, "rotations");
    Tensor out =
        slab.allocate(type, Math.toIntExact(positions.shape().elements()), 2 * frequencies.length);
    backend.rotations(out, positions, frequencies, magnitude);
    return out;
  }

  public Tensor rope(Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    typed(x, type, "rope");
    typed(rotations, type, "rope");
    fits(
        x.rows() == rotations.rows()
            && x.columns() % headDim == 0
            && rotations.columns() % 2 == 0
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
    typed(q, type, "attention");
    typed(k, type, "attention");
    typed(v, type, "attention");
    fits(q.columns() == spec.heads() * spec.headDim(), "attention (heads)", q, k);
    fits(k.columns() == spec.kvHeads() * spec.headDim(), "attention (key heads)", q, k);
    fits(k.shape().equals(v.shape()), "attention (values)", k, v);
    if (sequences < 1
        || q.rows() % sequences != 0
        || k.rows() % sequences != 0
        || past < 0
        || k.rows() / sequences - past < q.rows() / sequences) {
      throw new IllegalArgumentException(
          "attention: queries %s of %d sequences after %d positions do not fit keys %s"
              .formatted(q, sequences, past, k));
    }
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
    typed(x, type, "activate");
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
    typed(x, type, "scale");
    Tensor out = like(x);
    backend.scale(out, x, factor);
    return out;
  }

  public Tensor softCap(Tensor x, float cap) {
    typed(x, type, "softCap");
    Tensor out = like(x);
    backend.softCap(out, x, cap);
    return out;
  }

  public Tensor softmax(Tensor x) {
    typed(x, type, "softmax");
    Tensor out = like(x);
    backend.softmax(out, x);
    return out;
  }

  /** Writes the rows of x into rows {@code at}.. of a cache that outlives the step. */
  public void copyRows(Tensor cache, int at, Tensor x) {
    typed(cache, type, "copyRows");
    typed(x, type, "copyRows");
    if (cache.columns() != x.columns() || at < 0 || at > cache.rows() - x.rows()) {
      throw new IllegalArgumentException(
          "copyRows: " + x + " does not fit " + cache + " from row " + at + " on");
    }
    backend.copyRows(cache, at, x);
  }

  /** The last row of x as a tensor [1, C] that shares its memory. */
  public Tensor lastRow(Tensor x) {
    fits(x.rows() > 0, "lastRow", x, null);
    long rowBytes = x.dtype().bytes(x.columns());
    return slab.view(x, (x.rows() - 1) * rowBytes, 1, x.columns());
  }

  /**
   * The indices of the {@code count} largest values of each row, I32 [N, count]; see {@link
   * Backend#topK}.
   */
  public Tensor topK(Tensor x, int count) {
    typed(x, type, "topK");
    if (count < 1 || count > x.columns()) {
      throw new IllegalArgumentException("topK: " + count + " of the columns of " + x);
    }
    Tensor out = slab.allocate(DType.I32, x.rows(), count);
    backend.topK(out, x);
    return out;
  }

  /** The weights of the chosen experts, [N, U]; see {@link Backend#routingWeights}. */
  public Tensor routingWeights(Tensor logits, Tensor experts, Routing routing) {
    typed(logits, type, "routingWeights");
    typed(experts, DType.I32, "routingWeights");
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
    typed(x, type, "expertLinear");
    typed(experts, DType.I32, "expertLinear");
    int chosen = Math.toIntExact(experts.shape().elements());
    fits(x.columns() == w.columns() && w.shape().rank() == 3, "expertLinear", x, w);
    fits(x.rows() == chosen || x.rows() == experts.rows(), "expertLinear", x, experts);
    Tensor out = slab.allocate(type, chosen, w.dim(1));
    backend.expertLinear(out, x, w, experts);
    return out;
  }

  public Tensor combineExperts(Tensor x, Tensor weights) {
    typed(x, type, "combineExperts");
    typed(weights, type, "combineExperts");
    fits(x.rows() == weights.shape().elements(), "combineExperts", x, weights);
    Tensor out = slab.allocate(type, weights.rows(), x.columns());
    backend.combineExperts(out, x, weights);
    return out;
  }

  private Tensor like(Tensor x) {
    return slab.allocate(type, x.rows(), x.columns());
  }

  private void same(String operation, Tensor a, Tensor b) {
    typed(a, type, operation);
    typed(b, type, operation);
    fits(a.shape().equals(b.shape()), operation, a, b);
  }

  private static void fits(boolean fits, String operation, Tensor a, @Nullable Tensor b) {
    if (!fits) {
      throw new IllegalArgumentException(
          operation + ": the shapes do not fit: " + a + (b == null ? "" : " and " + b));
    }
  }

  private static void typed(Tensor found, DType expected, String operation) {
    if (found.dtype() != expected) {
      throw new IllegalArgumentException(
          operation + ": found " + found + " where " + expected + " is expected");
    }
  }

  @Override
  public void close() {
    slab.close();
  }
}
