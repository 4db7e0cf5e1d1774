package jllm.model;

import jllm.format.ModelConfig;
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
  private final int capacity;
  private int length;

  /**
   * @param capacity positions there is room for
   * @param type the backend's activation type
   * @param memory for this cache alone
   * @throws OutOfMemoryError if there is not enough; see {@link #bytes}
   */
  KvCache(ModelConfig config, int capacity, DType type, Memory memory) {
    this.memory = memory;
    this.capacity = capacity;
    this.keys = new Tensor[config.layers()];
    this.values = new Tensor[config.layers()];
    Shape shape = Shape.of(capacity, config.attention().kvHeads() * config.attention().headDim());
    boolean complete = false;
    try {
      for (int layer = 0; layer < keys.length; layer++) {
        keys[layer] = memory.tensor(type, shape);
        values[layer] = memory.tensor(type, shape);
      }
      complete = true;
    } finally {
      if (!complete) {
        memory.close();
      }
    }
  }

  /** Bytes that a cache of {@code capacity} positions takes. */
  public static long bytes(ModelConfig config, int capacity, DType type) {
    long perPosition =
        2L * config.layers() * config.attention().kvHeads() * config.attention().headDim();
    return Math.multiplyExact(perPosition * type.blockBytes(), (long) capacity);
  }

  public int capacity() {
    return capacity;
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

  /** [capacity, K*D]. */
  Tensor keys(int layer) {
    return keys[layer];
  }

  /** [capacity, K*D]. */
  Tensor values(int layer) {
    return values[layer];
  }

  @Override
  public void close() {
    memory.close();
  }
}
