package jllm.model;

import java.lang.foreign.MemorySegment;
import jllm.format.ModelConfig;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/**
 * The keys and values of the positions a sequence has seen, so that the next token costs one
 * position and not all. Layers write behind {@link #length}; the caller moves it with {@link
 * #advance} once a step is done.
 */
public final class KvCache implements AutoCloseable {
  private final Memory memory;
  private final Tensor[] keys;
  private final Tensor[] values;
  private final CacheTypes types;
  private final int capacity;
  private int length;

  /**
   * @param capacity positions there is room for
   * @param memory for this cache alone
   * @throws OutOfMemoryError if there is not enough; see {@link #bytes}
   */
  KvCache(ModelConfig config, int capacity, CacheTypes types, Memory memory) {
    this.memory = memory;
    this.capacity = capacity;
    this.types = types;
    this.keys = new Tensor[config.layers()];
    this.values = new Tensor[config.layers()];
    Shape shape = Shape.of(capacity, config.attention().kvHeads() * config.attention().headDim());
    boolean complete = false;
    try {
      for (int layer = 0; layer < keys.length; layer++) {
        keys[layer] = memory.tensor(types.keys(), shape);
        values[layer] = memory.tensor(types.values(), shape);
      }
      complete = true;
    } finally {
      if (!complete) {
        memory.close();
      }
    }
  }

  /** Bytes that a cache of {@code capacity} positions takes. */
  public static long bytes(ModelConfig config, int capacity, CacheTypes types) {
    int columns = config.attention().kvHeads() * config.attention().headDim();
    long perLayer = types.keys().bytes(columns) + types.values().bytes(columns);
    return Math.multiplyExact(config.layers() * perLayer, (long) capacity);
  }

  /** {@link #bytes(ModelConfig, int, CacheTypes)} with keys and values of one type. */
  public static long bytes(ModelConfig config, int capacity, DType type) {
    return bytes(config, capacity, CacheTypes.of(type));
  }

  public int capacity() {
    return capacity;
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

  /** Forgets all positions from {@code newLength} on. */
  public void truncate(int newLength) {
    if (newLength < 0 || newLength > length) {
      throw new IllegalArgumentException("cannot cut " + length + " positions to " + newLength);
    }
    length = newLength;
  }

  /**
   * Makes this a copy of another cache of the same model and types.
   *
   * @param shared positions at the beginning that both have already
   * @param backend whose memory both are in
   */
  public void copy(KvCache other, int shared, Backend backend) {
    for (int layer = 0; layer < keys.length; layer++) {
      copyRows(other.keys[layer], keys[layer], shared, other.length, backend);
      copyRows(other.values[layer], values[layer], shared, other.length, backend);
    }
    length = other.length;
  }

  private static void copyRows(Tensor from, Tensor to, int first, int end, Backend backend) {
    if (!from.isOnHost()) {
      backend.copyRows(to, first, from.slice(first, end - first));
      return;
    }
    long rowBytes = from.dtype().bytes(from.columns());
    long at = first * rowBytes;
    MemorySegment.copy(from.segment(), at, to.segment(), at, (end - first) * rowBytes);
  }

  /** The layers of the model. */
  public int layers() {
    return keys.length;
  }

  /** [capacity, K*D]. */
  public Tensor keys(int layer) {
    return keys[layer];
  }

  /** [capacity, K*D]. */
  public Tensor values(int layer) {
    return values[layer];
  }

  @Override
  public void close() {
    memory.close();
  }
}
