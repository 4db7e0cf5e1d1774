/**
 * The CPU backend: {@link jllm.tensor.cpu.VectorBackend}, its kernels on the Vector API, the order
 * in which it keeps weights, and the team of threads that runs them. The only package that sees
 * {@code jdk.incubator.vector}. What a kernel must compute is said in {@link jllm.tensor.Backend};
 * the plain loops that it is tested against are in {@code jllm.tensor.scalar}.
 *
 * <p>Vector code is fast only if the JIT takes in every call of the Vector API, and it gives up on
 * methods that are too large, quietly: then each vector is an object. Hence loops over vectors are
 * static methods of classes named {@code ...Loops}, of about 40 vector operations with what they
 * call, with arguments that are no vectors; {@code scripts/computing.options} tells the JIT not to
 * inline them into their callers. {@code -XX:+PrintCompilation} must not say "COMPILE SKIPPED" of
 * them, nor {@code -XX:+UnlockDiagnosticVMOptions -XX:+PrintInlining} "NodeCountInliningCutoff".
 */
@NullMarked
package jllm.tensor.cpu;

import org.jspecify.annotations.NullMarked;
