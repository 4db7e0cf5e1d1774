package jllm.tensor.cuda;

import java.lang.foreign.MemorySegment;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Device memory of one operation. It goes back when the operation was started, not when it is done:
 * what comes next on the stream comes later.
 */
final class Scratch implements AutoCloseable {
  private static final int MOST = 8;

  private final Gpu gpu;
  private final long[] addresses = new long[MOST];
  private int count;

  Scratch(Gpu gpu) {
    this.gpu = gpu;
  }

  long bytes(long bytes) {
    long address = gpu.take(bytes);
    addresses[count++] = address;
    return address;
  }

  long zeroed(long bytes) {
    long address = gpu.takeZeroed(bytes);
    addresses[count++] = address;
    return address;
  }

  /** The address of so many floats. */
  long floats(long elements) {
    return bytes(elements * Float.BYTES);
  }

  /** A tensor of undefined contents. */
  Tensor tensor(DType type, Shape shape) {
    long bytes = Tensor.byteSize(type, shape);
    return new Tensor(type, shape, new Storage.Device(bytes(bytes), bytes));
  }

  /** The address of I32 numbers, which are copied if the host has them; 0 if they are absent. */
  long ids(@Nullable Tensor ids) {
    if (ids == null || ids.storage() instanceof Storage.Device) {
      return Gpu.address(ids);
    }
    long bytes = Tensor.byteSize(ids.dtype(), ids.shape());
    return copy(ids.segment(), bytes);
  }

  /** The address of a copy of host memory. */
  long copy(MemorySegment from, long bytes) {
    long address = bytes(bytes);
    gpu.upload(address, from, bytes);
    return address;
  }

  @Override
  public void close() {
    while (count > 0) {
      gpu.give(addresses[--count]);
    }
  }
}
