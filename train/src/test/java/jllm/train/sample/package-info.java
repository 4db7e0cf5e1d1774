@NullMarked
package jllm.train.sample;

import org.jspecify.annotations.NullMarked;
