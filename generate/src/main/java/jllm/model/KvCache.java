package jllm.model;

import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.OffloadedBlocks;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The keys and values of the positions a sequence has seen, so that the next token costs one
 * position and not all. Layers write behind {@link #length}; the caller moves it with {@link
 * #advance} once a step is done. Layers with a sliding window keep what it reaches, not more.
 */
public final class KvCache implements AutoCloseable {
  /** Positions of a step at most, where nothing else was said. */
  public static final int STEP_ROWS = 512;

  private final Memory memory;
  private final @Nullable Memory offloaded;
  private final LayerCache[] layers;
  private final CacheTypes types;
  private final int capacity;
  private final int stepRows;
  private int length;

  /**
   * @param capacity positions of the sequence
   * @param stepRows positions of a step at most
   * @param backend whose memory, and that of the blocks that it leaves to another, the cache takes
   * @throws OutOfMemoryError if there is not enough; see {@link #bytes}
   */
  KvCache(ModelConfig config, int capacity, CacheTypes types, int stepRows, Backend backend) {
    OffloadedBlocks others = backend.offloadedBlocks();
    this.memory = backend.memory();
    this.offloaded = others == null ? null : others.backend().memory();
    this.capacity = capacity;
    this.types = types;
    this.stepRows = Math.min(stepRows, capacity);
    this.layers = new LayerCache[config.layers()];
    AttentionConfig attention = config.attention();
    boolean complete = false;
    try {
      for (int layer = 0; layer < layers.length; layer++) {
        Memory own =
            offloaded != null && others != null && layer >= others.first(layers.length)
                ? offloaded
                : memory;
        layers[layer] =
            new LayerCache(
                columns(config), attention.window(layer), capacity, stepRows, types, own);
      }
      complete = true;
    } finally {
      if (!complete) {
        close();
      }
    }
  }

  private static int columns(ModelConfig config) {
    return config.attention().kvHeads() * config.attention().headDim();
  }

  /** Bytes that a cache of {@code capacity} positions takes, for steps of {@link #STEP_ROWS}. */
  public static long bytes(ModelConfig config, int capacity, CacheTypes types) {
    return bytes(config, capacity, types, STEP_ROWS);
  }

  /** The same for steps of {@code stepRows}. */
  public static long bytes(ModelConfig config, int capacity, CacheTypes types, int stepRows) {
    int columns = columns(config);
    long rowBytes = types.keys().bytes(columns) + types.values().bytes(columns);
    long rows = 0;
    for (int layer = 0; layer < config.layers(); layer++) {
      rows += LayerCache.rows(config.attention().window(layer), capacity, stepRows);
    }
    return Math.multiplyExact(rows, rowBytes);
  }

  /** {@link #bytes(ModelConfig, int, CacheTypes)} with keys and values of one type. */
  public static long bytes(ModelConfig config, int capacity, DType type) {
    return bytes(config, capacity, CacheTypes.of(type));
  }

  /** Positions that a sequence may have. */
  public int capacity() {
    return capacity;
  }

  /** Positions that a step may have. */
  public int stepRows() {
    return stepRows;
  }

  public CacheTypes types() {
    return types;
  }

  /** Positions seen. */
  public int length() {
    return length;
  }

  /** Counts the positions of a finished step as seen. */
  public void advance(int positions) {
    if (positions < 0 || length + positions > capacity) {
      throw new IllegalArgumentException(
          positions + " positions after " + length + " of " + capacity);
    }
    length += positions;
  }

  /**
   * Forgets all positions from {@code newLength} on; all of them, if a window has left behind what
   * the position there would see.
   *
   * @return how many positions are left: {@code newLength} or 0
   */
  public int truncate(int newLength) {
    if (newLength < 0 || newLength > length) {
      throw new IllegalArgumentException("cannot cut " + length + " positions to " + newLength);
    }
    length = newLength;
    for (LayerCache layer : layers) {
      if (!layer.reaches(newLength)) {
        length = 0;
      }
    }
    if (length == 0) {
      for (LayerCache layer : layers) {
        layer.begin(0);
      }
    }
    return length;
  }

  /**
   * Makes this a copy of another cache of the same model, size and types.
   *
   * @param shared positions at the beginning that both have already
   * @param backend whose memory both are in
   */
  public void copy(KvCache other, int shared, Backend backend) {
    for (int layer = 0; layer < layers.length; layer++) {
      layers[layer].copy(other.layers[layer], shared, other.length, backend);
    }
    length = other.length;
  }

  /** Whether the host can read all keys and values. */
  public boolean isOnHost() {
    return keys(0).isOnHost() && keys(layers.length - 1).isOnHost();
  }

  /** The layers of the model. */
  public int layers() {
    return layers.length;
  }

  LayerCache layer(int layer) {
    return layers[layer];
  }

  /** [rows, K*D], the position {@link #first} in row 0. */
  public Tensor keys(int layer) {
    return layers[layer].keys();
  }

  /** As {@link #keys}. */
  public Tensor values(int layer) {
    return layers[layer].values();
  }

  /** The first position of which a layer keeps keys and values. */
  public int first(int layer) {
    return layers[layer].first();
  }

  /** Says of which position on the rows of a layer are; they are the caller's to fill. */
  public void begin(int layer, int position) {
    layers[layer].begin(position);
  }

  /** Whether a layer keeps all that a step at this position can see. */
  public boolean reaches(int layer, int position) {
    return layers[layer].reaches(position);
  }

  @Override
  public void close() {
    memory.close();
    if (offloaded != null) {
      offloaded.close();
    }
  }
}
