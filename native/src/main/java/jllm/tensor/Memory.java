package jllm.tensor;

/**
 * Memory of one lifetime on the device of a {@link Backend}: the weights of a model, the cache of a
 * session, the activations of a step. Closing it returns all that was taken from it.
 */
public interface Memory extends AutoCloseable {

  /**
   * Zeroed memory, aligned to {@link Tensor#ALIGNMENT}.
   *
   * @throws OutOfMemoryError if the device has no such piece left
   */
  Storage reserve(long bytes);

  /** A new tensor of zeros, row-major. */
  default Tensor tensor(DType dtype, Shape shape) {
    return new Tensor(dtype, shape, reserve(Math.max(1, Tensor.byteSize(dtype, shape))));
  }

  @Override
  void close();
}
