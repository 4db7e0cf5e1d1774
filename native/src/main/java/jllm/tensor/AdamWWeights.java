package jllm.tensor;

import org.jspecify.annotations.Nullable;

/**
 * Weights that AdamW changes together, in vectors of n elements or in any other shape, all alike.
 *
 * @param w the weights (master copies), in the activation type
 * @param gradient as w; not changed
 * @param m first moments, as w
 * @param v second moments, as w
 * @param rounded BF16, the weights that the model computes with: receives w rounded; absent if the
 *     model computes with w itself
 * @param weightDecay decoupled: the weight shrinks by {@code learningRate * weightDecay} of itself
 */
public record AdamWWeights(
    Tensor w, Tensor gradient, Tensor m, Tensor v, @Nullable Tensor rounded, float weightDecay) {}
