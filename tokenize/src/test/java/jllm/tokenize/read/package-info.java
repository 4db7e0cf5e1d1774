/** Tests of the readers: what stands beside a tokenizer, and files that are damaged. */
@NullMarked
package jllm.tokenize.read;

import org.jspecify.annotations.NullMarked;
