/**
 * A benchmark of training tokenizers beside another trainer; run by {@code
 * scripts/bench-train-bpe}.
 */
@NullMarked
package jllm.bench.train;

import org.jspecify.annotations.NullMarked;
