/**
 * Low-rank adapters (Hu et al. 2021): their files, of PEFT and of llama.cpp, and the folding of
 * adapters into weights. What computes with them unfolded is {@code jllm.model}; what trains them,
 * {@code jllm.train}.
 */
@NullMarked
package jllm.format.lora;

import org.jspecify.annotations.NullMarked;
