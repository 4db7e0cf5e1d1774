/**
 * How a text is cut into the pieces that a model encodes one by one: hand-written scanners for the
 * well-known patterns, regular expressions for the others.
 */
@NullMarked
package jllm.tokenize.split;

import org.jspecify.annotations.NullMarked;
