/**
 * How well a model predicts a text: perplexity, and how far its predictions are from those of
 * another model of the same vocabulary. Choosing tokens lives in {@code jllm.generate}; nothing
 * here prints.
 */
@NullMarked
package jllm.generate.perplexity;

import org.jspecify.annotations.NullMarked;
