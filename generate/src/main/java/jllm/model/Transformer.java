package jllm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Predicate;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.lora.LoraAdapter;
import jllm.format.lora.ScaledAdapter;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Memory;
import jllm.tensor.RouterBalance;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import jllm.tensor.grad.Parameters;
import org.jspecify.annotations.Nullable;

/**
 * A decoder-only transformer. What it is made of, the configuration says; where its weights come
 * from, the source; what computes, the backend behind the {@link Exec}.
 *
 * <p>It owns what the backend copied of the weights; those used as stored stay in the source, which
 * must outlive it.
 */
public final class Transformer implements AutoCloseable {
  /** Layers have the places of dropout after it. */
  private static final int EMBEDDING_DROPOUT = 0;

  private final Backend backend;
  private final Memory memory;
  private final @Nullable Offload offload;
  private final ModelConfig config;
  private final Tensor tokenEmbedding;
  private final @Nullable Tensor positionEmbedding;
  private final Block[] blocks;
  private final Norm outputNorm;
  private final Tensor output;
  private final Rotations rotations;

  /**
   * @param offload the blocks that another backend computes, if there are any
   * @param offloaded their weights
   */
  private Transformer(
      ModelConfig config,
      Weights weights,
      Backend backend,
      Memory memory,
      @Nullable Offload offload,
      Weights offloaded) {
    this.backend = backend;
    this.memory = memory;
    this.offload = offload;
    this.config = config;
    this.tokenEmbedding =
        weights.take(
            WeightNames.TOKEN_EMBEDDING,
            config.tiedOutput() ? WeightUse.TIED_EMBEDDING : WeightUse.EMBEDDING);
    this.positionEmbedding = positionEmbedding(weights, config);
    this.blocks = new Block[config.layers()];
    for (int layer = 0; layer < blocks.length; layer++) {
      blocks[layer] = new Block(isOffloaded(layer) ? offloaded : weights, config, layer);
    }
    this.outputNorm = new Norm(weights, WeightNames.OUTPUT_NORM, config.norm());
    this.output =
        config.tiedOutput() ? tokenEmbedding : weights.take(WeightNames.OUTPUT, WeightUse.LINEAR);
    this.rotations = new Rotations(config);
  }

  private boolean isOffloaded(int block) {
    return offload != null && block >= offload.first(config.layers());
  }

  /**
   * Builds a model over the weights of {@code source}, as {@code backend} wants them.
   *
   * @throws jllm.format.ModelFormatException if a weight is missing
   * @throws OutOfMemoryError if the backend's copies do not fit
   */
  public static Transformer of(WeightSource source, Backend backend) {
    return build(source, backend, (adopted, _, _) -> adopted);
  }

  /**
   * Builds a model as {@link #of(WeightSource, Backend)} does, changed by adapters.
   *
   * @param adapters opened for {@code source}; not needed any more afterwards if the backend copies
   *     their matrices, else as long as the model
   */
  public static Transformer of(WeightSource source, Backend backend, List<ScaledAdapter> adapters) {
    return build(
        source,
        backend,
        (adopted, where, memory) ->
            new AdaptedWeights(
                adopted,
                adapters,
                (matrix, from, rows) ->
                    where.adopt(part(matrix, from, rows), WeightUse.LINEAR, memory)));
  }

  /**
   * Builds a model of which an adapter is trained and nothing else: it computes with the adapter's
   * very matrices.
   *
   * @param adapter whose matrices are row-major, in the backend's activation type
   * @param parameters where all of them are registered
   * @throws IllegalArgumentException if one is not
   */
  public static Transformer tuned(
      WeightSource source, Backend backend, LoraAdapter adapter, Parameters parameters) {
    return build(
        source,
        backend,
        (adopted, _, _) ->
            new AdaptedWeights(
                adopted,
                List.of(new ScaledAdapter(adapter, 1)),
                (matrix, from, rows) -> trainedPart(matrix, from, rows, parameters)));
  }

  private static Tensor part(Tensor matrix, int from, int rows) {
    return rows == matrix.dim(0) ? matrix : matrix.slice(from, rows);
  }

  private static Tensor trainedPart(Tensor matrix, int from, int rows, Parameters parameters) {
    Tensor gradient = parameters.gradient(matrix);
    if (gradient == null) {
      throw new IllegalArgumentException("an adapter's " + matrix + " has no gradient");
    }
    Tensor part = part(matrix, from, rows);
    if (part != matrix) {
      parameters.addView(part, gradient.slice(from, rows));
    }
    return part;
  }

  /**
   * Builds a model that is trained: it computes with the very tensors of {@code source}, which are
   * registered with new gradients that live as long as the model, unless the caller registered them
   * before with its own. Matrices are in the backend's activation type or BF16, vectors in the
   * activation type, all row-major and writable.
   *
   * @param trained names of the weights to train; others are taken as by {@link #of}
   * @param parameters receives those that are not there yet; fused layers as one parameter
   * @throws jllm.format.ModelFormatException if a weight is missing
   * @throws IllegalArgumentException if a weight cannot be trained as it is stored
   * @throws OutOfMemoryError if the gradients do not fit
   */
  public static Transformer trainable(
      WeightSource source, Backend backend, Predicate<String> trained, Parameters parameters) {
    DType type = backend.activationType();
    return build(
        source,
        backend,
        (adopted, _, memory) ->
            new TrainedWeights(source, adopted, trained, parameters, type, memory));
  }

  /** {@link #trainable(WeightSource, Backend, Predicate, Parameters)} of all weights. */
  public static Transformer trainable(WeightSource source, Backend backend, Parameters parameters) {
    return trainable(source, backend, _ -> true, parameters);
  }

  /** Changes the weights that a backend adopted. */
  private interface WeightChange {
    Weights of(Weights adopted, Backend backend, Memory memory);
  }

  private static Transformer build(WeightSource source, Backend backend, WeightChange change) {
    Memory memory = backend.memory();
    Offload offload = null;
    boolean built = false;
    try {
      Weights weights = change.of(new AdoptedWeights(source, backend, memory), backend, memory);
      Weights offloaded = weights;
      offload = Offload.of(backend);
      if (offload != null) {
        Backend device = offload.backend();
        Weights adopted = new AdoptedWeights(source, device, offload.memory());
        offloaded = change.of(adopted, device, offload.memory());
      }
      Transformer model =
          new Transformer(source.config(), weights, backend, memory, offload, offloaded);
      built = true;
      return model;
    } finally {
      if (!built) {
        memory.close();
        if (offload != null) {
          offload.close();
        }
      }
    }
  }

  private @Nullable Tensor positionEmbedding(Weights weights, ModelConfig config) {
    return switch (config.position()) {
      case PositionConfig.Learned _ ->
          weights.take(WeightNames.POSITION_EMBEDDING, WeightUse.EMBEDDING);
      case PositionConfig.Sinusoidal _ -> sinusoids(config);
      case PositionConfig.Rope _ -> null;
    };
  }

  /** [context, C]: sine at even and cosine at odd components (Vaswani et al. 2017, section 3.5). */
  private Tensor sinusoids(ModelConfig config) {
    int width = config.width();
    Tensor table = memory.tensor(DType.F32, Shape.of(config.contextLength(), width));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment angles = arena.allocate(table.storage().byteSize());
      for (int position = 0; position < config.contextLength(); position++) {
        for (int component = 0; component < width; component++) {
          double angle = position * Math.pow(10_000, -(component - component % 2) / (double) width);
          double value = component % 2 == 0 ? Math.sin(angle) : Math.cos(angle);
          long index = (long) position * width + component;
          angles.setAtIndex(ValueLayout.JAVA_FLOAT, index, (float) value);
        }
      }
      backend.upload(table, angles);
    }
    return table;
  }

  public ModelConfig config() {
    return config;
  }

  /** A cache for a sequence of at most {@code capacity} positions, in steps of any length. */
  public KvCache newCache(int capacity) {
    return newCache(capacity, CacheTypes.of(backend.activationType()), capacity);
  }

  /**
   * A cache in other types than the backend's activations.
   *
   * @param stepRows positions of a step at most; layers with a sliding window have room for those
   *     and what they see
   */
  public KvCache newCache(int capacity, CacheTypes types, int stepRows) {
    return new KvCache(config, capacity, types, stepRows, backend);
  }

  /**
   * The residual stream after the last block, [N, C], for the N tokens of the batch. Keys and
   * values go into the batch's cache, behind its length; advancing it is left to the caller.
   */
  public Tensor hidden(Exec exec, Batch batch) {
    Tensor x = exec.embedding(tokenEmbedding, batch.ids());
    if (config.multipliers().embedding() != 1) {
      x = exec.scale(x, config.multipliers().embedding());
    }
    if (positionEmbedding != null) {
      x = exec.add(x, exec.embedding(positionEmbedding, batch.positions()));
    }
    x = batch.drop(exec, x, EMBEDDING_DROPOUT);
    rotations.prepare(exec, batch);
    FeedForwardConfig feedForward = config.feedForward();
    if (feedForward.routing() != null && batch.hasTargets()) {
      long counted = (long) x.rows() * blocks.length;
      batch.balance(exec.routerBalance(feedForward.experts(), counted));
    }
    if (offload == null) {
      return run(exec, x, batch, 0, blocks.length);
    }
    int first = offload.first(blocks.length);
    return offloaded(exec, offload.exec(), run(exec, x, batch, 0, first), batch, first);
  }

  private Tensor run(Exec exec, Tensor x, Batch batch, int from, int to) {
    for (int block = from; block < to; block++) {
      x = exec.block(blocks[block], x, batch);
    }
    return x;
  }

  /** The residual stream goes to the other backend and, behind the last block, comes back. */
  private Tensor offloaded(Exec exec, Exec other, Tensor x, Batch batch, int first) {
    other.reset();
    rotations.prepare(other, batch);
    return exec.copyOf(run(other, other.copyOf(x, exec), batch, first, blocks.length), other);
  }

  /**
   * The logits [N, V] of rows of the residual stream [N, C]; when only the next token is wanted,
   * pass the last row alone.
   */
  public Tensor logits(Exec exec, Tensor hidden) {
    Tensor logits = exec.linear(outputNorm.operand(exec, hidden), output, null);
    if (config.multipliers().logits() != 1) {
      logits = exec.scale(logits, config.multipliers().logits());
    }
    return config.multipliers().finalSoftCap() > 0
        ? exec.softCap(logits, config.multipliers().finalSoftCap())
        : logits;
  }

  /**
   * The cross-entropy of each row with the batch's targets, [N, 1] in nats, 0 where nothing is to
   * be predicted.
   *
   * @param hidden of {@link #hidden} for this batch
   */
  public Tensor losses(Exec exec, Tensor hidden, Batch batch) {
    ModelConfig.Multipliers multipliers = config.multipliers();
    if (multipliers.logits() != 1 || multipliers.finalSoftCap() > 0) {
      return exec.crossEntropy(logits(exec, hidden), batch.targets());
    }
    return exec.crossEntropy(outputNorm.operand(exec, hidden), output, batch.targets());
  }

  /**
   * How unevenly the routers of the step used their experts, [1, 1]: the loss that {@code
   * router_aux_loss_coef} of Mixtral multiplies, for batches with targets; null for a dense model.
   */
  public @Nullable Tensor balanceLoss(Exec exec, Batch batch) {
    RouterBalance balance = batch.balance();
    return balance == null ? null : exec.balanceLoss(balance);
  }

  @Override
  public void close() {
    memory.close();
    if (offload != null) {
      offload.close();
    }
  }
}
