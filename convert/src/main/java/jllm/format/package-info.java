/**
 * Model files: GGUF, safetensors, llama2.c, and what they describe. Tensor names and
 * hyperparameters of every format are mapped once, here, to one {@link jllm.format.ModelConfig} and
 * one set of tensor names ({@link jllm.format.WeightNames}); no other package knows a format.
 */
@NullMarked
package jllm.format;

import org.jspecify.annotations.NullMarked;
