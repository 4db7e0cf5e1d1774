package jllm.model;

import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** The sublayer of a block that works on each position alone. */
sealed interface FeedForward permits DenseFeedForward, ExpertFeedForward {

  /** Maps [N, C] to [N, C]. */
  Tensor forward(Exec exec, Tensor x, Batch batch);

  /** Adds what becomes of x to the residual stream, as {@link Linear#addTo}. */
  default @Nullable Tensor addTo(Exec exec, Tensor residual, Tensor x, Batch batch) {
    return forward(exec, x, batch);
  }

  static FeedForward of(Weights weights, ModelConfig config, int layer) {
    FeedForwardConfig feedForward = config.feedForward();
    return feedForward.routing() == null
        ? new DenseFeedForward(weights, feedForward, layer)
        : new ExpertFeedForward(weights, feedForward, feedForward.routing(), layer);
  }
}
