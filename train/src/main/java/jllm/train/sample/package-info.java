/**
 * Samples to fine-tune on: files of conversations, instructions, prompts with completions and
 * texts, written as a model reads them, with what is to be learned of each. How samples become
 * batches is the business of {@code jllm.train.data}.
 */
@NullMarked
package jllm.train.sample;

import org.jspecify.annotations.NullMarked;
