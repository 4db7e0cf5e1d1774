/**
 * Tokenizers against Hugging Face's own library: the same {@code tokenizer.json} is given to both,
 * and tokens, ranges and decoded texts are compared on random texts.
 */
@NullMarked
package jllm.tokenize.differential;

import org.jspecify.annotations.NullMarked;
