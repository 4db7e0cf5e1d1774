/**
 * Training of byte-level BPE vocabularies: counting the words of a corpus on all cores, learning
 * merges from the counts by Hugging Face's rule, writing the result. How a corpus is read lives in
 * {@code jllm.tokenize.corpus}; how a vocabulary encodes text lives in {@code jllm.tokenize.model}.
 */
@NullMarked
package jllm.tokenize.train;

import org.jspecify.annotations.NullMarked;
