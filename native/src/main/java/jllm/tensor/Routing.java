package jllm.tensor;

/**
 * How a mixture-of-experts layer weighs the experts it chose (Jiang et al. 2024, section 2.1).
 *
 * @param used experts a token is sent to
 * @param renormalize true: the softmax is over the chosen experts alone (Mixtral); false: over all
 *     experts
 * @param scale factor on the weights
 */
public record Routing(int used, boolean renormalize, float scale) {}
