package jllm.model;

import jllm.format.ModelConfig;
import jllm.format.NormConfig;
import jllm.format.WeightNames;
import jllm.tensor.Exec;
import jllm.tensor.Layer;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** One block: attention and feed-forward around a residual stream [N, C]. */
final class Block implements Layer<Batch> {
  /** The attention weights, then what each sublayer adds. */
  private static final int DROPOUT_PLACES = 3;

  private final int index;
  private final int dropoutPlace;
  private final Attention attention;
  private final FeedForward feedForward;
  private final boolean parallel;
  private final float residualScale;
  private final @Nullable Norm beforeAttention;
  private final @Nullable Norm afterAttention;
  private final @Nullable Norm beforeFeedForward;
  private final @Nullable Norm afterFeedForward;
  private final Tensor[] sumAndNorm = new Tensor[2];

  Block(Weights weights, ModelConfig config, int layer) {
    this.index = layer;
    this.dropoutPlace = 1 + layer * DROPOUT_PLACES;
    this.attention = new Attention(weights, config, layer, dropoutPlace);
    this.feedForward = FeedForward.of(weights, config, layer);
    this.parallel = config.parallelResidual();
    this.residualScale = config.multipliers().residual();
    NormConfig norm = config.norm();
    boolean before = norm.placement().before();
    boolean after = norm.placement().after();
    this.beforeAttention = norm(weights, norm, layer, WeightNames.ATTENTION_NORM, before);
    this.afterAttention = norm(weights, norm, layer, WeightNames.ATTENTION_POST_NORM, after);
    this.beforeFeedForward = norm(weights, norm, layer, WeightNames.FEED_FORWARD_NORM, before);
    this.afterFeedForward = norm(weights, norm, layer, WeightNames.FEED_FORWARD_POST_NORM, after);
  }

  private static @Nullable Norm norm(
      Weights weights, NormConfig config, int layer, String part, boolean present) {
    return present ? new Norm(weights, "blk." + layer + "." + part, config) : null;
  }

  @Override
  public Tensor forward(Exec exec, Tensor x, Batch batch) {
    Tensor normed = beforeAttention == null ? x : beforeAttention.operand(exec, x);
    if (parallel) {
      Tensor middle = exec.add(x, scaled(exec, attended(exec, normed, batch)));
      return fed(exec, middle, feedForwardInput(exec, x), batch);
    }
    Tensor part =
        addsAlone(exec, batch, afterAttention)
            ? attention.addTo(exec, x, normed, batch)
            : scaled(exec, attended(exec, normed, batch));
    if (part != null && beforeFeedForward != null) {
      beforeFeedForward.ofSum(sumAndNorm, exec, x, part, feedsProducts());
      return fed(exec, sumAndNorm[0], sumAndNorm[1], batch);
    }
    Tensor middle = part == null ? x : exec.addTo(x, part);
    return fed(exec, middle, feedForwardInput(exec, middle), batch);
  }

  private Tensor fed(Exec exec, Tensor middle, Tensor input, Batch batch) {
    if (addsAlone(exec, batch, afterFeedForward)) {
      Tensor part = feedForward.addTo(exec, middle, input, batch);
      return part == null ? middle : exec.addTo(middle, part);
    }
    Tensor fed = apply(exec, afterFeedForward, feedForward.forward(exec, input, batch));
    return exec.addTo(middle, scaled(exec, batch.drop(exec, fed, dropoutPlace + 2)));
  }

  /** As in the names of weights, from 0 on. */
  @Override
  public String toString() {
    return "block " + index;
  }

  /** Whether what a sublayer gives is added to the residual stream as it is. */
  private boolean addsAlone(Exec exec, Batch batch, @Nullable Norm after) {
    return after == null
        && residualScale == 1
        && !exec.isTraining()
        && batch.dropout(dropoutPlace) == null;
  }

  private Tensor attended(Exec exec, Tensor normed, Batch batch) {
    Tensor attended = apply(exec, afterAttention, attention.forward(exec, normed, batch));
    return batch.drop(exec, attended, dropoutPlace + 1);
  }

  private Tensor feedForwardInput(Exec exec, Tensor x) {
    return beforeFeedForward != null && feedsProducts()
        ? beforeFeedForward.operand(exec, x)
        : apply(exec, beforeFeedForward, x);
  }

  /** Whether products alone read the input of the feed-forward layer: experts read more. */
  private boolean feedsProducts() {
    return feedForward instanceof DenseFeedForward;
  }

  private static Tensor apply(Exec exec, @Nullable Norm norm, Tensor x) {
    return norm == null ? x : norm.forward(exec, x);
  }

  private Tensor scaled(Exec exec, Tensor part) {
    return residualScale == 1 ? part : exec.scale(part, residualScale);
  }
}
