package jllm.tensor;

import static jllm.tensor.Checks.fits;
import static jllm.tensor.Checks.typed;

import jllm.tensor.grad.Op;
import jllm.tensor.grad.Tape;
import org.jspecify.annotations.Nullable;

/** The operations of {@link Exec} that a model consists of. */
abstract class Operations {
  final Backend backend;
  final DType type;
  final Slab slab;

  /** Where operations are recorded now; null outside of training, and while nothing is kept. */
  @Nullable Tape tape;

  /** Whether the step trains, recorded or not. */
  boolean training;

  Operations(Backend backend) {
    this.backend = backend;
    this.type = backend.activationType();
    this.slab = new Slab(backend::memory);
  }

  public final Tensor embedding(Tensor table, Tensor ids) {
    fits(table.shape().rank() == 2, "embedding", table, ids);
    Checks.ids(ids, 0, table.dim(0), "embedding", table);
    Tensor out = slab.allocate(type, Math.toIntExact(ids.shape().elements()), table.columns());
    backend.embedding(out, table, ids);
    if (tape != null) {
      tape.record(new Op.Embedding(out, table, ids), table, null, null);
    }
    return out;
  }

  /**
   * The type of results of the shape of x that products alone read, as the operations that can
   * round them take it.
   */
  public final DType operandType(Tensor x) {
    return backend.operandType(x.rows(), x.columns());
  }

  /** The same of results of so many rows and columns. */
  public final DType operandType(int rows, int columns) {
    return backend.operandType(rows, columns);
  }

  /** Demands an operand of a product, or what is kept as one. */
  final void operand(Tensor x, String operation) {
    if (x.dtype() != operandType(x)) {
      typed(x, type, operation);
    }
  }

  public final Tensor linear(Tensor x, Tensor w, @Nullable Tensor bias) {
    return linear(x, w, bias, type);
  }

  /**
   * A linear layer.
   *
   * @param result its type: that of activations, or {@link Backend#operandType} of its shape
   */
  public final Tensor linear(Tensor x, Tensor w, @Nullable Tensor bias, DType result) {
    operand(x, "linear");
    checkLinear("linear", x, w, bias);
    Tensor out = slab.allocate(result, x.rows(), w.dim(0));
    backend.linear(out, x, w, bias);
    if (tape != null) {
      tape.record(new Op.Linear(out, x, w, bias), x, w, bias);
    }
    return out;
  }

  /**
   * Linear layers of the same input together, if the backend can.
   *
   * @param outs takes the result of each
   * @return whether it was done; if not, nothing has happened
   */
  public final boolean linears(Tensor[] outs, Tensor x, Tensor[] ws, @Nullable Tensor[] biases) {
    FusedOperations fused = fused();
    if (fused == null) {
      return false;
    }
    operand(x, "linears");
    long mark = slab.mark();
    for (int i = 0; i < ws.length; i++) {
      checkLinear("linears", x, ws[i], biases[i]);
      outs[i] = slab.allocate(type, x.rows(), ws[i].dim(0));
    }
    return done(fused.linears(outs, x, ws, biases), mark);
  }

  /**
   * Adds x w^T + bias to y [N, O] for x [N, I] and w [O, I], if the backend does both together.
   * Without derivative.
   *
   * @return whether it was done; if not, nothing has happened
   */
  public final boolean addToLinear(Tensor y, Tensor x, Tensor w, @Nullable Tensor bias) {
    FusedOperations fused = fused();
    if (fused == null) {
      return false;
    }
    operand(x, "addToLinear");
    typed(y, type, "addToLinear");
    checkLinear("addToLinear", x, w, bias);
    fits(y.rows() == x.rows() && y.columns() == w.dim(0), "addToLinear", y, w);
    return fused.addLinear(y, x, w, bias);
  }

  /**
   * {@code activation(x gate^T + gateBias) * (x up^T + upBias)} together, if the backend can; null
   * if it cannot.
   */
  public final @Nullable Tensor gatedLinear(
      Tensor x,
      Tensor gate,
      @Nullable Tensor gateBias,
      Tensor up,
      @Nullable Tensor upBias,
      Activation activation) {
    FusedOperations fused = fused();
    if (fused == null) {
      return null;
    }
    operand(x, "gatedLinear");
    checkLinear("gatedLinear", x, gate, gateBias);
    checkLinear("gatedLinear", x, up, upBias);
    fits(gate.dim(0) == up.dim(0), "gatedLinear", gate, up);
    long mark = slab.mark();
    Tensor out = slab.allocate(type, x.rows(), gate.dim(0));
    return done(fused.gatedLinear(out, x, gate, gateBias, up, upBias, activation), mark)
        ? out
        : null;
  }

  /**
   * {@code activation(x w^T + bias)} together, rounded to {@link #operandType}, if the backend can;
   * null if it cannot. In training, what the activation is of is kept rounded as well.
   */
  public final @Nullable Tensor activatedLinear(
      Tensor x, Tensor w, @Nullable Tensor bias, Activation activation) {
    FusedOperations fused = backend.fused();
    DType rounded = backend.operandType(x.rows(), w.dim(0));
    if (fused == null || rounded == type) {
      return null;
    }
    operand(x, "activatedLinear");
    checkLinear("activatedLinear", x, w, bias);
    long mark = slab.mark();
    Tensor before = training ? slab.allocate(rounded, x.rows(), w.dim(0)) : null;
    Tensor out = slab.allocate(rounded, x.rows(), w.dim(0));
    if (!done(fused.activatedLinear(out, x, w, bias, activation, before), mark)) {
      return null;
    }
    if (tape != null && before != null) {
      tape.record(new Op.Linear(before, x, w, bias), x, w, bias);
      tape.record(new Op.Activate(out, before, activation), before, null, null);
    }
    return out;
  }

  /**
   * Writes keys and values of a step into a cache; see {@link FusedOperations#store}.
   *
   * @return the queries, turned; null if the backend does not do this together
   */
  public final @Nullable Tensor store(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor keys,
      Tensor values,
      @Nullable Tensor rotations,
      int headDim,
      RopePairing pairing,
      int row,
      @Nullable Tensor at) {
    FusedOperations fused = fused();
    if (fused == null) {
      return null;
    }
    typed(q, type, "store");
    same("store", k, v);
    cached(keys, headDim);
    cached(values, headDim);
    fits(keys.columns() == k.columns() && q.columns() % headDim == 0, "store", q, k);
    fits(row >= 0 && row <= keys.rows() - k.rows() && q.rows() == k.rows(), "store", keys, k);
    fits(rotations == null || rotations.rows() == q.rows(), "store", q, rotations);
    long mark = slab.mark();
    Tensor out = like(q);
    return done(fused.store(out, q, k, v, keys, values, rotations, headDim, pairing, row, at), mark)
        ? out
        : null;
  }

  /** Whether the backend chooses tokens from rows of so many logits. */
  public final boolean samples(int columns) {
    FusedOperations fused = fused();
    return fused != null && fused.samples(columns);
  }

  /**
   * The next token after each row of logits, I32 [N, 1]; see {@link FusedOperations#sample}.
   *
   * @throws IllegalStateException if the backend does not choose tokens, see {@link #samples}
   */
  public final Tensor sample(
      Tensor x, Tensor choices, @Nullable Tensor biases, boolean greedy, @Nullable Tensor next) {
    FusedOperations fused = fused();
    if (fused == null || !fused.samples(x.columns())) {
      throw new IllegalStateException("sample: the backend does not choose from " + x);
    }
    typed(x, type, "sample");
    typed(choices, DType.I32, "sample");
    long rows = x.rows();
    fits(choices.shape().elements() == rows * TokenChoice.INTS, "sample (choices)", x, choices);
    fits(biases == null || biases.columns() == x.columns(), "sample (biases)", x, biases);
    fits(next == null || next.shape().elements() == rows, "sample (next)", x, next);
    Tensor out = slab.allocate(DType.I32, x.rows(), 1);
    fused.sample(out, next, x, choices, biases, greedy);
    return out;
  }

  private @Nullable FusedOperations fused() {
    return training ? null : backend.fused();
  }

  private boolean done(boolean did, long mark) {
    if (!did) {
      slab.release(mark);
    }
    return did;
  }

  private void checkLinear(String operation, Tensor x, Tensor w, @Nullable Tensor bias) {
    fits(x.columns() == w.columns() && w.shape().rank() == 2, operation, x, w);
    if (bias != null && bias.shape().elements() != w.dim(0)) {
      fits(false, operation + " (bias)", bias, w);
    }
  }

  public final Tensor rmsNorm(Tensor x, @Nullable Tensor weight, float eps) {
    return rmsNorm(x, weight, eps, type);
  }

  /**
   * A root mean square norm.
   *
   * @param result its type: that of activations, or {@link #operandType}
   */
  public final Tensor rmsNorm(Tensor x, @Nullable Tensor weight, float eps, DType result) {
    typed(x, type, "rmsNorm");
    fits(weight == null || weight.shape().elements() == x.columns(), "rmsNorm", x, weight);
    Tensor out = slab.allocate(result, x.rows(), x.columns());
    backend.rmsNorm(out, x, weight, eps);
    if (tape != null) {
      tape.record(new Op.RmsNorm(out, x, weight, eps), x, weight, null);
    }
    return out;
  }

  /** A root mean square norm over each head: x [N, H*D], weight [D]. */
  public final Tensor headRmsNorm(Tensor x, Tensor weight, float eps) {
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
    if (tape != null) {
      tape.record(new Op.RmsNorm(out, x, weight, eps), x, weight, null);
    }
    return out;
  }

  public final Tensor layerNorm(
      Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps) {
    return layerNorm(x, weight, bias, eps, type);
  }

  /** With a result as {@link #rmsNorm(Tensor, Tensor, float, DType)}. */
  public final Tensor layerNorm(
      Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float eps, DType result) {
    typed(x, type, "layerNorm");
    fits(weight == null || weight.shape().elements() == x.columns(), "layerNorm", x, weight);
    fits(bias == null || bias.shape().elements() == x.columns(), "layerNorm", x, bias);
    Tensor out = slab.allocate(result, x.rows(), x.columns());
    backend.layerNorm(out, x, weight, bias, eps);
    if (tape != null) {
      tape.record(new Op.LayerNorm(out, x, weight, bias, eps), x, weight, bias);
    }
    return out;
  }

  /**
   * The sum of the residual stream and a part of it, and its root mean square norm, both results of
   * this step; see {@link Backend#addRmsNorm}.
   *
   * @param results takes the sum, then its norm
   * @param stream void afterwards, outside of training: the sum takes its place
   * @param result the type of the norm, as for {@link #rmsNorm(Tensor, Tensor, float, DType)}
   */
  public final void addRmsNorm(
      Tensor[] results,
      Tensor stream,
      Tensor part,
      @Nullable Tensor weight,
      float eps,
      DType result) {
    same("addRmsNorm", stream, part);
    fits(weight == null || weight.shape().elements() == part.columns(), "rmsNorm", part, weight);
    Tensor sum = inPlaceOf(stream);
    Tensor out = slab.allocate(result, part.rows(), part.columns());
    backend.addRmsNorm(sum, out, stream, part, weight, eps);
    if (tape != null) {
      tape.record(new Op.Add(sum, stream, part), stream, part, null);
      tape.record(new Op.RmsNorm(out, sum, weight, eps), sum, weight, null);
    }
    results[0] = sum;
    results[1] = out;
  }

  /** With a layer norm in place of that of {@link #addRmsNorm}. */
  public final void addLayerNorm(
      Tensor[] results,
      Tensor stream,
      Tensor part,
      @Nullable Tensor weight,
      @Nullable Tensor bias,
      float eps,
      DType result) {
    same("addLayerNorm", stream, part);
    fits(weight == null || weight.shape().elements() == part.columns(), "layerNorm", part, weight);
    fits(bias == null || bias.shape().elements() == part.columns(), "layerNorm", part, bias);
    Tensor sum = inPlaceOf(stream);
    Tensor out = slab.allocate(result, part.rows(), part.columns());
    backend.addLayerNorm(sum, out, stream, part, weight, bias, eps);
    if (tape != null) {
      tape.record(new Op.Add(sum, stream, part), stream, part, null);
      tape.record(new Op.LayerNorm(out, sum, weight, bias, eps), sum, weight, bias);
    }
    results[0] = sum;
    results[1] = out;
  }

  /** Where the residual stream goes on: in training, its derivatives need what it was. */
  private Tensor inPlaceOf(Tensor stream) {
    return training ? like(stream) : stream;
  }

  /** See {@link Backend#rotations}. */
  public final Tensor rotations(Tensor positions, double[] frequencies, float magnitude) {
    typed(positions, DType.I32, "rotations");
    Tensor out =
        slab.allocate(type, Math.toIntExact(positions.shape().elements()), 2 * frequencies.length);
    backend.rotations(out, positions, frequencies, magnitude);
    return out;
  }

  public final Tensor rope(Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    return rope(x, rotations, headDim, pairing, type);
  }

  /**
   * Rotary positions.
   *
   * @param x in the activation type, or in that of the result
   * @param result its type: that of activations, or that of {@link Backend#attentionType}
   */
  public final Tensor rope(
      Tensor x, Tensor rotations, int headDim, RopePairing pairing, DType result) {
    if (x.dtype() != result) {
      typed(x, type, "rope");
    }
    typed(rotations, type, "rope");
    fits(
        x.rows() == rotations.rows()
            && x.columns() % headDim == 0
            && rotations.columns() % 2 == 0
            && rotations.columns() <= headDim,
        "rope",
        x,
        rotations);
    Tensor out = slab.allocate(result, x.rows(), x.columns());
    backend.rope(out, x, rotations, headDim, pairing);
    if (tape != null) {
      tape.record(new Op.Rope(out, x, rotations, headDim, pairing), x, null, null);
    }
    return out;
  }

  /** See {@link Backend#attention}. */
  public final Tensor attention(
      Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    checkCached(q, k, v, spec, sequences, past);
    Tensor out = like(q);
    backend.attention(out, q, k, v, spec, sequences, past);
    return out;
  }

  /**
   * Attention of one sequence to a cache; see {@link FusedOperations#attention}.
   *
   * @throws IllegalStateException if the backend cannot take the row from {@code at}
   */
  public final Tensor attention(
      Tensor q, Tensor k, Tensor v, AttentionSpec spec, int past, @Nullable Tensor at) {
    if (at == null) {
      return attention(q, k, v, spec, 1, past);
    }
    checkCached(q, k, v, spec, 1, past);
    Tensor out = like(q);
    FusedOperations fused = fused();
    if (fused == null || !fused.attention(out, q, k, v, spec, past, at)) {
      throw new IllegalStateException("attention: the step cannot be recorded");
    }
    return out;
  }

  /**
   * Writes the keys and values of one position each of several sequences to their caches, and
   * attends to them; see {@link FusedOperations#storeEach}.
   *
   * @throws IllegalStateException if the backend does not do this together
   */
  public final Tensor attentionEach(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor keys,
      Tensor values,
      Tensor caches,
      @Nullable Tensor rotations,
      AttentionSpec spec,
      RopePairing pairing,
      Tensor at) {
    notRecorded("attention to caches");
    typed(q, type, "attention");
    checkAttention(q, keys, values, spec);
    same("attentionEach", k, v);
    fits(keys.columns() == k.columns() && q.rows() == k.rows(), "attentionEach", q, k);
    fits(rotations == null || rotations.rows() == q.rows(), "attentionEach", q, rotations);
    fits(at.shape().elements() == q.rows(), "attentionEach (rows)", q, at);
    fits(caches.shape().elements() == 4L * q.rows(), "attentionEach (caches)", q, caches);
    FusedOperations fused = fused();
    Tensor turned = like(q);
    Tensor out = like(q);
    int width = spec.headDim();
    if (fused == null
        || !fused.storeEach(turned, q, k, v, keys, values, caches, rotations, width, pairing, at)
        || !fused.attentionEach(out, turned, keys, values, caches, spec, at)) {
      throw new IllegalStateException("attentionEach: the backend does not do this together");
    }
    return out;
  }

  private void checkCached(
      Tensor q, Tensor k, Tensor v, AttentionSpec spec, int sequences, int past) {
    typed(q, type, "attention");
    checkAttention(q, k, v, spec);
    notRecorded("attention to a cache");
    if (sequences < 1
        || q.rows() % sequences != 0
        || k.rows() % sequences != 0
        || past < 0
        || k.rows() / sequences - past < q.rows() / sequences) {
      throw new IllegalArgumentException(
          "attention: queries %s of %d sequences after %d positions do not fit keys %s"
              .formatted(q, sequences, past, k));
    }
  }

  /**
   * Attention of one position each of several sequences with caches of their own: row s of q [N,
   * H*D] has position {@code past[s]}; see {@link Backend#attention}.
   *
   * @param keys of each sequence
   */
  public final Tensor attention(
      Tensor q, Tensor[] keys, Tensor[] values, AttentionSpec spec, int[] past) {
    notRecorded("attention to caches");
    typed(q, type, "attention");
    Tensor out = like(q);
    for (int s = 0; s < q.rows(); s++) {
      Tensor row = rows(q, s, 1);
      checkAttention(row, keys[s], values[s], spec);
      if (past[s] < 0 || past[s] >= keys[s].rows()) {
        throw new IllegalArgumentException(
            "attention: position %d does not fit keys %s".formatted(past[s], keys[s]));
      }
      backend.attention(rows(out, s, 1), row, keys[s], values[s], spec, 1, past[s]);
    }
    return out;
  }

  final void checkAttention(Tensor q, Tensor k, Tensor v, AttentionSpec spec) {
    cached(k, spec.headDim());
    cached(v, spec.headDim());
    fits(q.columns() == spec.heads() * spec.headDim(), "attention (heads)", q, k);
    fits(k.columns() == spec.kvHeads() * spec.headDim(), "attention (key heads)", q, k);
    fits(k.shape().equals(v.shape()), "attention (values)", k, v);
  }

  /** Keys or values may be of the types that the backend reads, if a head is whole blocks. */
  private void cached(Tensor found, int headDim) {
    if (!backend.readsCacheOf(found.dtype()) || !found.dtype().divides(headDim)) {
      throw new IllegalArgumentException(
          "attention: found "
              + found
              + " for heads of "
              + headDim
              + ", which the backend does not read");
    }
  }

  public final Tensor gated(Tensor gate, Tensor up, Activation activation) {
    return gated(gate, up, activation, type);
  }

  /**
   * The same.
   *
   * @param gate in the activation type or that of the result, as up
   * @param result its type, as of {@link #rmsNorm(Tensor, Tensor, float, DType)}
   */
  public final Tensor gated(Tensor gate, Tensor up, Activation activation, DType result) {
    if (gate.dtype() != result) {
      typed(gate, type, "gated");
    }
    typed(up, gate.dtype(), "gated");
    fits(gate.shape().equals(up.shape()), "gated", gate, up);
    Tensor out = slab.allocate(result, gate.rows(), gate.columns());
    backend.gated(out, gate, up, activation);
    if (tape != null) {
      tape.record(new Op.Gated(out, gate, up, activation), gate, up, null);
    }
    return out;
  }

  public final Tensor activate(Tensor x, Activation activation) {
    return activate(x, activation, type);
  }

  /** With a result as {@link #rmsNorm(Tensor, Tensor, float, DType)}. */
  public final Tensor activate(Tensor x, Activation activation, DType result) {
    typed(x, type, "activate");
    Tensor out = slab.allocate(result, x.rows(), x.columns());
    backend.activate(out, x, activation);
    if (tape != null) {
      tape.record(new Op.Activate(out, x, activation), x, null, null);
    }
    return out;
  }

  public final Tensor add(Tensor a, Tensor b) {
    same("add", a, b);
    Tensor out = like(a);
    backend.add(out, a, b);
    if (tape != null) {
      tape.record(new Op.Add(out, a, b), a, b, null);
    }
    return out;
  }

  /**
   * The sum of the residual stream, a result of this step, and a part of it. Outside of training it
   * takes the place of the stream.
   */
  public final Tensor addTo(Tensor stream, Tensor part) {
    if (training) {
      return add(stream, part);
    }
    same("addTo", stream, part);
    backend.add(stream, stream, part);
    return stream;
  }

  public final Tensor mul(Tensor a, Tensor b) {
    same("mul", a, b);
    Tensor out = like(a);
    backend.mul(out, a, b);
    if (tape != null) {
      tape.record(new Op.Mul(out, a, b), a, b, null);
    }
    return out;
  }

  public final Tensor scale(Tensor x, float factor) {
    typed(x, type, "scale");
    Tensor out = like(x);
    backend.scale(out, x, factor);
    if (tape != null) {
      tape.record(new Op.Scale(out, x, factor), x, null, null);
    }
    return out;
  }

  public final Tensor softCap(Tensor x, float cap) {
    typed(x, type, "softCap");
    Tensor out = like(x);
    backend.softCap(out, x, cap);
    if (tape != null) {
      tape.record(new Op.SoftCap(out, x, cap), x, null, null);
    }
    return out;
  }

  public final Tensor softmax(Tensor x) {
    typed(x, type, "softmax");
    Tensor out = like(x);
    backend.softmax(out, x);
    if (tape != null) {
      tape.record(new Op.Softmax(out, x), x, null, null);
    }
    return out;
  }

  /** Writes the rows of x into rows {@code at}.. of a cache that outlives the step. */
  public final void copyRows(Tensor cache, int at, Tensor x) {
    notRecorded("copyRows");
    typed(x, type, "copyRows");
    if (!backend.readsCacheOf(cache.dtype())) {
      throw new IllegalArgumentException("copyRows: the backend does not write " + cache);
    }
    if (cache.columns() != x.columns() || at < 0 || at > cache.rows() - x.rows()) {
      throw new IllegalArgumentException(
          "copyRows: " + x + " does not fit " + cache + " from row " + at + " on");
    }
    backend.copyRows(cache, at, x);
  }

  /** The last row of x as a tensor [1, C] that shares its memory. */
  public final Tensor lastRow(Tensor x) {
    return rows(x, x.rows() - 1, 1);
  }

  /** Some rows of x as a tensor [count, C] that shares its memory. */
  public final Tensor rows(Tensor x, int from, int count) {
    notRecorded("rows");
    fits(from >= 0 && count > 0 && from <= x.rows() - count, "rows", x, null);
    return slab.view(x, from * x.dtype().bytes(x.columns()), count, x.columns());
  }

  /**
   * The indices of the {@code count} largest values of each row, I32 [N, count]; see {@link
   * Backend#topK}.
   */
  public final Tensor topK(Tensor x, int count) {
    typed(x, type, "topK");
    if (count < 1 || count > x.columns()) {
      throw new IllegalArgumentException("topK: " + count + " of the columns of " + x);
    }
    Tensor out = slab.allocate(DType.I32, x.rows(), count);
    backend.topK(out, x);
    return out;
  }

  /** The weights of the chosen experts, [N, U]; see {@link Backend#routingWeights}. */
  public final Tensor routingWeights(Tensor logits, Tensor experts, Routing routing) {
    typed(logits, type, "routingWeights");
    typed(experts, DType.I32, "routingWeights");
    fits(
        logits.rows() == experts.rows() && experts.columns() == routing.used(),
        "routingWeights",
        logits,
        experts);
    Tensor out = slab.allocate(type, logits.rows(), experts.columns());
    backend.routingWeights(out, logits, experts, routing);
    if (tape != null) {
      tape.record(new Op.RoutingWeights(out, logits, experts, routing), logits, null, null);
    }
    return out;
  }

  public final Tensor expertLinear(Tensor x, Tensor w, Tensor experts) {
    typed(x, type, "expertLinear");
    typed(experts, DType.I32, "expertLinear");
    int chosen = Math.toIntExact(experts.shape().elements());
    fits(x.columns() == w.columns() && w.shape().rank() == 3, "expertLinear", x, w);
    fits(x.rows() == chosen || x.rows() == experts.rows(), "expertLinear", x, experts);
    Tensor out = slab.allocate(type, chosen, w.dim(1));
    backend.expertLinear(out, x, w, experts);
    if (tape != null) {
      tape.record(new Op.ExpertLinear(out, x, w, experts), x, w, null);
    }
    return out;
  }

  public final Tensor combineExperts(Tensor x, Tensor weights) {
    typed(x, type, "combineExperts");
    typed(weights, type, "combineExperts");
    fits(x.rows() == weights.shape().elements(), "combineExperts", x, weights);
    Tensor out = slab.allocate(type, weights.rows(), x.columns());
    backend.combineExperts(out, x, weights);
    if (tape != null) {
      tape.record(new Op.CombineExperts(out, x, weights), x, weights, null);
    }
    return out;
  }

  final void notRecorded(String operation) {
    if (training) {
      throw new IllegalStateException(operation + " has no derivative: not while training");
    }
  }

  final Tensor like(Tensor x) {
    return slab.allocate(type, x.rows(), x.columns());
  }

  final void same(String operation, Tensor a, Tensor b) {
    typed(a, type, operation);
    typed(b, type, operation);
    fits(a.shape().equals(b.shape()), operation, a, b);
  }
}
