/** What training a model of any size costs, by rules of thumb: arithmetic without a model. */
@NullMarked
package jllm.train.cost;

import org.jspecify.annotations.NullMarked;
