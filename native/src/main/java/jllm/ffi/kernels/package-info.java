/**
 * The library of CPU kernels written in C ({@code src/main/c}): finding and loading it, asking it
 * what this processor can run, and its functions as records of method handles, one a kernel family.
 * When which kernel is called is decided in {@code jllm.tensor.cpu}.
 */
@NullMarked
package jllm.ffi.kernels;

import org.jspecify.annotations.NullMarked;
