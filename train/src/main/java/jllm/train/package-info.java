/**
 * Training: the {@link jllm.train.Trainer}, its options, the optimizer, and what it tells a {@link
 * jllm.train.TrainListener}. What a new model looks like is in {@code jllm.train.model}, tokens in
 * {@code jllm.train.data}, checkpoints in {@code jllm.train.checkpoint}; gradients are computed
 * below, in {@code jllm.tensor.grad}. Nothing here prints.
 */
@NullMarked
package jllm.train;

import org.jspecify.annotations.NullMarked;
