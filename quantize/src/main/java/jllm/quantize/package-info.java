/**
 * Making models smaller: which tensor of a model gets which element type ({@link
 * jllm.quantize.Recipe}), and writing the new file ({@link jllm.quantize.Quantizer}). How numbers
 * become blocks of a type is {@code jllm.tensor.quant}'s.
 */
@NullMarked
package jllm.quantize;

import org.jspecify.annotations.NullMarked;
