/** Tests of training data. */
@NullMarked
package jllm.train.data;

import org.jspecify.annotations.NullMarked;
