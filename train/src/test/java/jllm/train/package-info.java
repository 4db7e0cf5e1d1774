/** Tests of training. */
@NullMarked
package jllm.train;

import org.jspecify.annotations.NullMarked;
