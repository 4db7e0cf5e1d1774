/** Tokenizers from files and names. Each format is known to one class here and nowhere else. */
@NullMarked
package jllm.tokenize.read;

import org.jspecify.annotations.NullMarked;
