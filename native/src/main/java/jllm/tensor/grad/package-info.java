/**
 * Reverse-mode differentiation over the operations of a step: {@link jllm.tensor.grad.Op} (what was
 * done, one record an operation), {@link jllm.tensor.grad.Tape} (in which order, and backwards),
 * {@link jllm.tensor.grad.Parameters} (the weights that are trained). No kernel lives here; the
 * derivatives themselves are computed by {@link jllm.tensor.TrainingKernels}.
 */
@NullMarked
package jllm.tensor.grad;

import org.jspecify.annotations.NullMarked;
