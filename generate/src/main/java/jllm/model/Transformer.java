package jllm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import jllm.ffi.PageAllocator;
import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;

/**
 * A decoder-only transformer. What it is made of, the configuration says; where its weights come
 * from, the source; what computes, the backend behind the {@link Exec}.
 *
 * <p>It owns what the backend copied of the weights; those used as stored stay in the source, which
 * must outlive it.
 */
public final class Transformer implements AutoCloseable {
  private final Arena arena;
  private final ModelConfig config;
  private final DType activationType;
  private final Tensor tokenEmbedding;
  private final @Nullable Tensor positionEmbedding;
  private final Block[] blocks;
  private final Norm outputNorm;
  private final Tensor output;
  private final Rotations rotations;

  private Transformer(WeightSource source, Backend backend, Arena arena) {
    this.arena = arena;
    this.config = source.config();
    this.activationType = backend.activationType();
    Weights weights = new Weights(source, backend, new PageAllocator(arena));
    this.tokenEmbedding =
        weights.take(
            WeightNames.TOKEN_EMBEDDING,
            config.tiedOutput() ? WeightUse.TIED_EMBEDDING : WeightUse.EMBEDDING);
    this.positionEmbedding = positionEmbedding(weights, config, arena);
    this.blocks = new Block[config.layers()];
    for (int layer = 0; layer < blocks.length; layer++) {
      blocks[layer] = new Block(weights, config, layer);
    }
    this.outputNorm = new Norm(weights, WeightNames.OUTPUT_NORM, config.norm());
    this.output =
        config.tiedOutput() ? tokenEmbedding : weights.take(WeightNames.OUTPUT, WeightUse.LINEAR);
    this.rotations = new Rotations(config);
  }

  /**
   * Builds a model over the weights of {@code source}, as {@code backend} wants them.
   *
   * @throws jllm.format.ModelFormatException if a weight is missing
   * @throws OutOfMemoryError if the backend's copies do not fit
   */
  public static Transformer of(WeightSource source, Backend backend) {
    Arena arena = Arena.ofShared();
    boolean built = false;
    try {
      Transformer model = new Transformer(source, backend, arena);
      built = true;
      return model;
    } finally {
      if (!built) {
        arena.close();
      }
    }
  }

  private static @Nullable Tensor positionEmbedding(
      Weights weights, ModelConfig config, Arena arena) {
    return switch (config.position()) {
      case PositionConfig.Learned _ ->
          weights.take(WeightNames.POSITION_EMBEDDING, WeightUse.EMBEDDING);
      case PositionConfig.Sinusoidal _ -> sinusoids(config, arena);
      case PositionConfig.Rope _ -> null;
    };
  }

  /** [context, C]: sine at even and cosine at odd components (Vaswani et al. 2017, section 3.5). */
  private static Tensor sinusoids(ModelConfig config, Arena arena) {
    int width = config.width();
    Tensor table = Tensor.allocate(arena, DType.F32, Shape.of(config.contextLength(), width));
    for (int position = 0; position < config.contextLength(); position++) {
      for (int component = 0; component < width; component++) {
        double angle = position * Math.pow(10_000, -(component - component % 2) / (double) width);
        double value = component % 2 == 0 ? Math.sin(angle) : Math.cos(angle);
        table
            .segment()
            .setAtIndex(ValueLayout.JAVA_FLOAT, (long) position * width + component, (float) value);
      }
    }
    return table;
  }

  public ModelConfig config() {
    return config;
  }

  /** A cache for a sequence of at most {@code capacity} positions. */
  public KvCache newCache(int capacity) {
    return new KvCache(config, capacity, activationType);
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
    rotations.prepare(exec, batch);
    for (Block block : blocks) {
      x = exec.block(block, x, batch);
    }
    return x;
  }

  /**
   * The logits [N, V] of rows of the residual stream [N, C]; when only the next token is wanted,
   * pass the last row alone.
   */
  public Tensor logits(Exec exec, Tensor hidden) {
    Tensor logits = exec.linear(outputNorm.forward(exec, hidden), output, null);
    if (config.multipliers().logits() != 1) {
      logits = exec.scale(logits, config.multipliers().logits());
    }
    return config.multipliers().finalSoftCap() > 0
        ? exec.softCap(logits, config.multipliers().finalSoftCap())
        : logits;
  }

  @Override
  public void close() {
    arena.close();
  }
}
