/**
 * What the tensors of models hold, read by all cores and streamed: statistics, and how far two
 * models are from each other. Nothing here changes a value or prints one.
 */
@NullMarked
package jllm.format.values;

import org.jspecify.annotations.NullMarked;
