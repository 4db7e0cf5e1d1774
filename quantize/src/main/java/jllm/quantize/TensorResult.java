package jllm.quantize;

/**
 * A tensor that is written.
 *
 * @param error root mean square of the differences, relative to that of the values; 0 if the tensor
 *     stayed as it was or holds zeros
 */
public record TensorResult(TensorPlan plan, double error) {}
