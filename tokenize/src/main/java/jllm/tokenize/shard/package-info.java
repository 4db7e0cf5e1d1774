/**
 * Token shards: a corpus encoded once, in files that training maps and reads (llm.c's layout).
 * Writing them from a corpus and reading them back; what is trained on them lives elsewhere.
 */
@NullMarked
package jllm.tokenize.shard;

import org.jspecify.annotations.NullMarked;
