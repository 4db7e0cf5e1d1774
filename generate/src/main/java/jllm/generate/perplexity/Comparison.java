package jllm.generate.perplexity;

/**
 * How far the predictions of a model are from those of another, over the same tokens.
 *
 * @param basePerplexity of the other model
 * @param logRatio the logarithm of the ratio of the perplexities, the model's to the other's
 * @param divergence the mean Kullback-Leibler divergence of the other model's distribution from
 *     this one's, in nats: what is lost by taking this one for it
 * @param sameTop the share of positions where both hold the same token most likely, 0 to 1
 */
public record Comparison(
    Estimate basePerplexity, Estimate logRatio, Estimate divergence, Estimate sameTop) {}
