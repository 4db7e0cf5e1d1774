/**
 * The CPU backend: {@link jllm.tensor.cpu.VectorBackend}, its kernels on the Vector API, the order
 * in which it keeps weights, and the team of threads that runs them. The only package that sees
 * {@code jdk.incubator.vector}. What a kernel must compute is said in {@link jllm.tensor.Backend};
 * the plain loops that it is tested against are in {@code jllm.tensor.scalar}.
 */
@NullMarked
package jllm.tensor.cpu;

import org.jspecify.annotations.NullMarked;
