/**
 * JMH benchmarks of the backends' kernels, one class an operation, through {@link
 * jllm.tensor.Backend} as a model calls them. Whole models are measured in {@code jllm.bench}.
 */
@NullMarked
package jllm.bench.jmh;

import org.jspecify.annotations.NullMarked;
