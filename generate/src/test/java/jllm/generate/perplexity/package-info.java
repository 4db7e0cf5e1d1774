/** Tests of perplexity and of the comparison of models. */
@NullMarked
package jllm.generate.perplexity;

import org.jspecify.annotations.NullMarked;
