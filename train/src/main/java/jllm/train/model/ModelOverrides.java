package jllm.train.model;

import jllm.format.NormConfig;
import jllm.tensor.Activation;
import jllm.train.SettingsException;
import org.jspecify.annotations.Nullable;

/**
 * Fields of a {@link ModelShape} to be replaced; absent ones stay, or follow those they depend on:
 * the key/value heads the heads where a shape has as many of both, the feed-forward width the width
 * and the gate, the gate off with a GELU or ReLU and on with SiLU.
 *
 * @param hidden feed-forward components
 * @param bias which linear layers have biases
 * @param expertsUsed of them; 2 where experts are asked for
 */
public record ModelOverrides(
    @Nullable Integer layers,
    @Nullable Integer heads,
    @Nullable Integer kvHeads,
    @Nullable Integer width,
    @Nullable Integer hidden,
    @Nullable Integer context,
    NormConfig.@Nullable Kind norm,
    @Nullable Activation activation,
    @Nullable Boolean gated,
    ModelShape.@Nullable Position position,
    ModelShape.@Nullable Bias bias,
    @Nullable Boolean tied,
    @Nullable Integer experts,
    @Nullable Integer expertsUsed,
    @Nullable Double ropeBase) {

  private static final int USUAL_EXPERTS_USED = 2;

  /** Nothing is replaced. */
  public static final ModelOverrides NONE =
      new ModelOverrides(
          null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);

  /** The width alone. */
  public static ModelOverrides ofWidth(int width) {
    return new ModelOverrides(
        null, null, null, width, null, null, null, null, null, null, null, null, null, null, null);
  }

  /** Whether nothing is replaced. */
  public boolean isEmpty() {
    return equals(NONE);
  }

  ModelShape applyTo(ModelShape shape) {
    int newHeads = or(heads, shape.heads());
    int newWidth = or(width, shape.width());
    Activation newActivation = or(activation, shape.activation());
    boolean newGated =
        gated != null ? gated : activation != null ? activation == Activation.SILU : shape.gated();
    boolean sameFeedForward = newWidth == shape.width() && newGated == shape.gated();
    if (hidden == null && !sameFeedForward && newWidth > Integer.MAX_VALUE / 4) {
      throw new SettingsException("a width of " + newWidth + " makes no sense");
    }
    int newExperts = or(experts, shape.experts());
    return new ModelShape(
        or(layers, shape.layers()),
        newHeads,
        or(kvHeads, shape.kvHeads() == shape.heads() ? newHeads : shape.kvHeads()),
        newWidth,
        or(hidden, sameFeedForward ? shape.hidden() : ModelShape.usualHidden(newWidth, newGated)),
        or(context, shape.context()),
        or(norm, shape.norm()),
        newActivation,
        newGated,
        or(position, shape.position()),
        or(bias, shape.bias()),
        or(tied, shape.tied()),
        newExperts,
        or(
            expertsUsed,
            shape.expertsUsed() > 0
                ? Math.min(shape.expertsUsed(), newExperts)
                : Math.min(USUAL_EXPERTS_USED, newExperts)),
        or(ropeBase, shape.ropeBase()),
        shape.normEps());
  }

  private static <T> T or(@Nullable T value, T otherwise) {
    return value == null ? otherwise : value;
  }
}
