/**
 * Bindings to NVIDIA's driver, run-time compiler and matrix library: where they are found, their
 * functions with plain Java types, their errors. What is done with them is in {@code
 * jllm.tensor.cuda}.
 */
@NullMarked
package jllm.ffi.cuda;

import org.jspecify.annotations.NullMarked;
