/**
 * The one definition of a decoder-only transformer, for generating and training, on every backend
 * and with weights of every type: {@link jllm.model.Transformer} and its parts, the key/value
 * cache, the batch of a step. Choosing and printing tokens is the business of {@code
 * jllm.generate}; files are that of {@code jllm.format}.
 */
@NullMarked
package jllm.model;

import org.jspecify.annotations.NullMarked;
