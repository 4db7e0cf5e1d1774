package jllm.generate.perplexity;

/** A measured value and its standard error. */
public record Estimate(double value, double error) {}
