/**
 * The memory layouts of the element types, one class each: how a block of bytes becomes numbers
 * ({@link jllm.tensor.quant.BlockCodec}) and numbers become a block ({@link
 * jllm.tensor.quant.BlockEncoder}).
 *
 * <p>These are the definitions, in plain loops; kernels that compute on blocks directly are in the
 * packages of their device and are checked against these. Which tensor of a model gets which type
 * is not decided here.
 */
@NullMarked
package jllm.tensor.quant;

import org.jspecify.annotations.NullMarked;
