package jllm.model;

import jllm.format.ModelConfig;
import jllm.format.PositionConfig;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The rotary frequencies of a model, kept while sessions of one context length follow each other.
 */
final class Rotations {
  private final PositionConfig.@Nullable Rope rope;
  private final boolean hasLocalLayers;
  private final boolean sameForAll;
  private int context = -1;
  private double[] global = {};
  private double[] local = {};

  Rotations(ModelConfig config) {
    this.rope = config.position() instanceof PositionConfig.Rope found ? found : null;
    this.hasLocalLayers = config.attention().window() > 0;
    this.sameForAll = rope == null || rope.localBase() == rope.base();
  }

  /** Computes the angles of a step and leaves them in the batch. */
  void prepare(Exec exec, Batch batch) {
    if (rope == null) {
      return;
    }
    if (context != batch.context()) {
      context = batch.context();
      global = rope.frequencies(false, context);
      local = rope.frequencies(true, context);
    }
    Tensor globalAngles = exec.rotations(batch.positions(), global, rope.magnitude(false, context));
    Tensor localAngles =
        sameForAll || !hasLocalLayers
            ? globalAngles
            : exec.rotations(batch.positions(), local, rope.magnitude(true, context));
    batch.rotations(globalAngles, localAngles);
  }
}
