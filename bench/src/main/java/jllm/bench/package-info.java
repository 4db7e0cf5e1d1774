/**
 * Measured workloads and their reports: how fast a model runs, beside the limits of the machine.
 * Nothing here prints; the command line does. The kernels' own benchmarks (JMH) are in {@code
 * jllm.bench.jmh}.
 */
@NullMarked
package jllm.bench;

import org.jspecify.annotations.NullMarked;
