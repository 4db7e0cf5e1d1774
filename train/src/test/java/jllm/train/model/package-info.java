/** Tests of new models. */
@NullMarked
package jllm.train.model;

import org.jspecify.annotations.NullMarked;
