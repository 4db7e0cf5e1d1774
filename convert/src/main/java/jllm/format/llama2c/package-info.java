/**
 * The files of llama2.c (Karpathy 2023): checkpoints of its legacy layout, version 0, and its
 * tokenizer, as its {@code run.c} reads them.
 */
@NullMarked
package jllm.format.llama2c;

import org.jspecify.annotations.NullMarked;
