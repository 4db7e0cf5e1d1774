/**
 * GGUF files (the specification is {@code docs/gguf.md} of ggml): what they contain, read and
 * written. What the metadata and the tensors mean for a model is said in {@code jllm.format.model}.
 */
@NullMarked
package jllm.format.gguf;

import org.jspecify.annotations.NullMarked;
