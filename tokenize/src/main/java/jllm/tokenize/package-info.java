/**
 * Text to tokens and back: the public face of the tokenizers. A {@link jllm.tokenize.Tokenizer} is
 * a pipeline of components that live in the packages below this one ({@code normalize}, {@code
 * split}, {@code model}, {@code post}, {@code decode}); the package {@code read} makes one from a
 * file, {@code write} the reverse. Nothing here knows a file format or prints.
 */
@NullMarked
package jllm.tokenize;

import org.jspecify.annotations.NullMarked;
