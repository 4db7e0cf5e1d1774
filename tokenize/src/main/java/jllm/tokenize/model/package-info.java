/**
 * How a piece becomes tokens: byte pair encoding, unigram, WordPiece, whole words. A model knows
 * nothing of special tokens or templates.
 */
@NullMarked
package jllm.tokenize.model;

import org.jspecify.annotations.NullMarked;
