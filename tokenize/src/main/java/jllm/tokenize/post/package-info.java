/** What is put around the tokens of a text: templates, BOS and EOS, trimmed offsets. */
@NullMarked
package jllm.tokenize.post;

import org.jspecify.annotations.NullMarked;
