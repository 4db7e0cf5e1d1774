/**
 * Tokens to train on: files of text or of tokens, mixed by weight, in the order of the files or
 * shuffled. Where a run is in its data is a small state that a checkpoint keeps.
 */
@NullMarked
package jllm.train.data;

import org.jspecify.annotations.NullMarked;
