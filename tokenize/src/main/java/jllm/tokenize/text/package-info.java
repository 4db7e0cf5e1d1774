/**
 * UTF-8 text as the components of a tokenizer see it: bytes with the range of the source that each
 * came from, and what Unicode says of a character. Nothing here knows tokens.
 */
@NullMarked
package jllm.tokenize.text;

import org.jspecify.annotations.NullMarked;
