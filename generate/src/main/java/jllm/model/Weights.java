package jllm.model;

import java.lang.foreign.SegmentAllocator;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.tensor.Backend;
import jllm.tensor.Tensor;
import jllm.tensor.WeightUse;
import org.jspecify.annotations.Nullable;

/**
 * Hands the weights of a source to a backend while a model is built, and lets the pages of those go
 * that the backend copied.
 */
final class Weights {
  private final WeightSource source;
  private final Backend backend;
  private final SegmentAllocator arena;

  Weights(WeightSource source, Backend backend, SegmentAllocator arena) {
    this.source = source;
    this.backend = backend;
    this.arena = arena;
  }

  Tensor take(String name, WeightUse use) {
    Tensor stored = source.tensor(name);
    Tensor adopted = backend.adopt(stored, use, arena);
    if (adopted != stored) {
      source.release(name);
    }
    return adopted;
  }

  /**
   * The rows of one stored matrix (or entries of a vector) as several weights: fused layers are
   * views of their parts.
   */
  Tensor[] split(String name, WeightUse use, int... rows) {
    Tensor stored = source.tensor(name);
    Tensor[] parts = new Tensor[rows.length];
    boolean copied = true;
    int from = 0;
    for (int part = 0; part < rows.length; part++) {
      Tensor view = stored.slice(from, rows[part]);
      parts[part] = backend.adopt(view, use, arena);
      copied &= parts[part] != view;
      from += rows[part];
    }
    if (copied) {
      source.release(name);
    }
    return parts;
  }

  boolean has(String name) {
    return source.has(name);
  }

  Tensor block(int layer, String part, WeightUse use) {
    return take(WeightNames.block(layer, part, "weight"), use);
  }

  /** The bias of a part of a block, if the architecture has one there. */
  @Nullable Tensor bias(int layer, String part, boolean present) {
    return present ? take(WeightNames.block(layer, part, "bias"), WeightUse.VECTOR) : null;
  }
}
