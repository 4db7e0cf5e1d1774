/**
 * How fast texts become tokens, beside other tokenizer libraries in the same run. Their encoders
 * are used here and nowhere else.
 */
@NullMarked
package jllm.bench.encoding;

import org.jspecify.annotations.NullMarked;
