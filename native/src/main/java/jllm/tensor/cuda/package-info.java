/**
 * The CUDA backend: NVIDIA devices driven from plain Java. Kernels are in {@code src/main/cuda},
 * compiled when first used; matrix products are the vendor's. How its libraries are called is in
 * {@code jllm.ffi.cuda}.
 */
@NullMarked
package jllm.tensor.cuda;

import org.jspecify.annotations.NullMarked;
