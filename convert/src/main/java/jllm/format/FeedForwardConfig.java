package jllm.format;

import jllm.tensor.Activation;
import jllm.tensor.Routing;
import org.jspecify.annotations.Nullable;

/**
 * The feed-forward sublayer of every block.
 *
 * @param hidden F, components between the layers (of one expert, where there are experts)
 * @param gated whether a gate multiplies the activation (SwiGLU, GeGLU)
 * @param bias whether its layers have biases
 * @param experts E; 0 = a dense layer
 * @param routing how experts are weighed, with experts only
 */
public record FeedForwardConfig(
    int hidden,
    Activation activation,
    boolean gated,
    boolean bias,
    int experts,
    @Nullable Routing routing) {}
