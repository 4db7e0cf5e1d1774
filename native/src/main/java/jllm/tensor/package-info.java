/**
 * Tensors and the operations on them, independent of the hardware: {@link jllm.tensor.Tensor},
 * {@link jllm.tensor.Backend} (what every device must be able to do) and {@link jllm.tensor.Exec}
 * (one step of work: shape checks, activation memory). No kernel lives here; those are in the
 * packages below, one a device.
 */
@NullMarked
package jllm.tensor;

import org.jspecify.annotations.NullMarked;
