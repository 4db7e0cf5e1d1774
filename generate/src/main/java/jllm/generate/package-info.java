/**
 * From logits to text: the chain of {@link jllm.generate.Sampler}, when to stop, and {@link
 * jllm.generate.Generator}, the loop around the model. The model itself lives in {@code
 * jllm.model}; nothing here prints.
 */
@NullMarked
package jllm.generate;

import org.jspecify.annotations.NullMarked;
