/** Tokenizers to files. */
@NullMarked
package jllm.tokenize.write;

import org.jspecify.annotations.NullMarked;
