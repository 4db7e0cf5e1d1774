package jllm.tensor;

/**
 * What the routers of a step did, for its load-balancing loss; see {@link Exec#routerBalance}.
 *
 * @param counts [1, E] how often each expert was chosen
 * @param probabilities [1, E] the sum of the probabilities of each
 * @param rows tokens times layers
 */
public record RouterBalance(Tensor counts, Tensor probabilities, long rows) {}
