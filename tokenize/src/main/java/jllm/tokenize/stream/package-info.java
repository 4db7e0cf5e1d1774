/**
 * Encoding of texts that need not fit into memory: where they may be cut without a token changing,
 * and the work of all cores on their parts. What reads files and prints tokens lives elsewhere.
 */
@NullMarked
package jllm.tokenize.stream;

import org.jspecify.annotations.NullMarked;
