package jllm.model;

import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.format.WeightNames;
import jllm.tensor.AttentionSpec;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;
import jllm.tensor.TrainingAttention;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;

/** Multi-head self-attention with grouped heads (Vaswani et al. 2017; Ainslie et al. 2023). */
final class Attention {
  private final int layer;
  private final int dropoutPlace;
  private final boolean local;
  private final AttentionSpec spec;
  private final float normEps;
  private final RopePairing pairing;
  private final Linear query;
  private final Linear key;
  private final Linear value;
  private final Linear output;
  private final @Nullable Tensor queryNorm;
  private final @Nullable Tensor keyNorm;

  private final Tensor[] inputWeights;
  private final @Nullable Tensor[] inputBiases;
  private final Tensor[] projected = new Tensor[3];

  // Of the sequences of a step that have caches of their own.
  private Tensor[] keys = {};
  private Tensor[] values = {};
  private int[] rows = {};

  /**
   * @param dropoutPlace of its weights
   */
  Attention(Weights weights, ModelConfig config, int layer, int dropoutPlace) {
    AttentionConfig attention = config.attention();
    this.layer = layer;
    this.dropoutPlace = dropoutPlace;
    this.local = attention.window(layer) > 0;
    this.spec =
        new AttentionSpec(
            attention.heads(),
            attention.kvHeads(),
            attention.headDim(),
            attention.scale(),
            attention.softCap(),
            attention.window(layer),
            true);
    this.normEps = config.norm().eps();
    this.pairing =
        config.position() instanceof PositionConfig.Rope rope
            ? rope.pairing()
            : RopePairing.HALF_SPLIT;

    int queries = attention.heads() * attention.headDim();
    int keys = attention.kvHeads() * attention.headDim();
    boolean bias = attention.inputBias();
    String fused = WeightNames.block(layer, WeightNames.QUERY_KEY_VALUE, "weight");
    if (weights.has(fused)) {
      Linear[] parts =
          weights.linears(layer, WeightNames.QUERY_KEY_VALUE, bias, queries, keys, keys);
      this.query = parts[0];
      this.key = parts[1];
      this.value = parts[2];
    } else {
      this.query = weights.linear(layer, WeightNames.QUERY, bias);
      this.key = weights.linear(layer, WeightNames.KEY, bias);
      this.value = weights.linear(layer, WeightNames.VALUE, bias);
    }
    this.inputWeights = new Tensor[] {query.weight(), key.weight(), value.weight()};
    this.inputBiases = new @Nullable Tensor[] {query.bias(), key.bias(), value.bias()};
    this.output = weights.linear(layer, WeightNames.ATTENTION_OUTPUT, attention.outputBias());
    boolean norms = attention.queryKeyNorm();
    this.queryNorm = norms ? weights.block(layer, WeightNames.QUERY_NORM, WeightUse.VECTOR) : null;
    this.keyNorm = norms ? weights.block(layer, WeightNames.KEY_NORM, WeightUse.VECTOR) : null;
  }

  /** Maps [N, C] to [N, C]. */
  Tensor forward(Exec exec, Tensor x, Batch batch) {
    return output.forward(exec, heads(exec, x, batch), batch);
  }

  /** Adds what becomes of x to the residual stream, as {@link Linear#addTo}. */
  @Nullable Tensor addTo(Exec exec, Tensor residual, Tensor x, Batch batch) {
    return output.addTo(exec, residual, heads(exec, x, batch), batch);
  }

  /** What the heads make of x, [N, H*D]. */
  private Tensor heads(Exec exec, Tensor x, Batch batch) {
    project(exec, x, batch);
    Tensor q = projected[0];
    Tensor k = projected[1];
    Tensor v = projected[2];
    if (queryNorm != null && keyNorm != null) {
      q = exec.headRmsNorm(q, queryNorm, normEps);
      k = exec.headRmsNorm(k, keyNorm, normEps);
    }
    Tensor rotations = batch.rotations(local);
    KvCache cache = batch.cache();
    if (cache != null) {
      Tensor attended = attendTogether(exec, q, k, v, rotations, cache.layer(layer), batch);
      if (attended != null) {
        return attended;
      }
    }
    KvCache[] caches = batch.caches();
    StepInputs inputs = batch.inputs();
    if (caches != null && inputs != null) {
      LayerCache one = caches[0].layer(layer);
      return exec.attentionEach(
          q,
          k,
          v,
          one.keys(),
          one.values(),
          inputs.caches(layer),
          rotations,
          spec,
          pairing,
          inputs.rows(layer));
    }
    if (rotations != null) {
      DType attended = attended(exec, x, batch);
      q = exec.rope(q, rotations, spec.headDim(), pairing, attended);
      k = exec.rope(k, rotations, spec.headDim(), pairing, attended);
    }
    return attend(exec, q, k, v, batch);
  }

  /** Leaves queries, keys and values in {@link #projected}. */
  private void project(Exec exec, Tensor x, Batch batch) {
    if (!exec.linears(projected, x, inputWeights, inputBiases)) {
      DType attended = attended(exec, x, batch);
      DType normed = queryNorm == null ? attended : exec.backend().activationType();
      projected[0] = query.forward(exec, x, batch, normed);
      projected[1] = key.forward(exec, x, batch, normed);
      projected[2] = value.forward(exec, x, batch, attended);
      return;
    }
    projected[0] = query.changed(exec, projected[0], x, batch);
    projected[1] = key.changed(exec, projected[1], x, batch);
    projected[2] = value.changed(exec, projected[2], x, batch);
  }

  /** The type in which heads are attended to. */
  private DType attended(Exec exec, Tensor x, Batch batch) {
    return exec.attentionType(spec, x.rows(), batch.sequences());
  }

  /** Where the backend turns and stores in one go; null where it does not. */
  private @Nullable Tensor attendTogether(
      Exec exec,
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor rotations,
      LayerCache seen,
      Batch batch) {
    int row = seen.place(batch.past(), k.rows(), exec.backend());
    Tensor at = batch.rowOf(layer);
    Tensor turned =
        exec.store(
            q, k, v, seen.keys(), seen.values(), rotations, spec.headDim(), pairing, row, at);
    return turned == null
        ? null
        : exec.attention(turned, seen.keys(), seen.values(), spec, row, at);
  }

  private Tensor attend(Exec exec, Tensor q, Tensor k, Tensor v, Batch batch) {
    KvCache[] caches = batch.caches();
    if (caches != null) {
      return attend(exec, q, k, v, caches, batch.pasts());
    }
    KvCache cache = batch.cache();
    if (cache == null) {
      return exec.attention(
          q,
          k,
          v,
          new TrainingAttention(
              spec, batch.sequences(), batch.starts(), batch.dropout(dropoutPlace)));
    }
    LayerCache seen = cache.layer(layer);
    int row = seen.place(batch.past(), k.rows(), exec.backend());
    exec.copyRows(seen.keys(), row, k);
    exec.copyRows(seen.values(), row, v);
    return exec.attention(q, seen.keys(), seen.values(), spec, batch.sequences(), row);
  }

  /** One row for each of several sequences. */
  private Tensor attend(Exec exec, Tensor q, Tensor k, Tensor v, KvCache[] caches, int[] pasts) {
    if (keys.length != caches.length) {
      keys = new Tensor[caches.length];
      values = new Tensor[caches.length];
      rows = new int[caches.length];
    }
    for (int s = 0; s < caches.length; s++) {
      LayerCache seen = caches[s].layer(layer);
      keys[s] = seen.keys();
      values[s] = seen.values();
      rows[s] = seen.place(pasts[s], 1, exec.backend());
      exec.copyRows(keys[s], rows[s], exec.rows(k, s, 1));
      exec.copyRows(values[s], rows[s], exec.rows(v, s, 1));
    }
    return exec.attention(q, keys, values, spec, rows);
  }
}
