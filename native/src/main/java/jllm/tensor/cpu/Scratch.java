package jllm.tensor.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jllm.tensor.Tensor;

/** Off-heap memory of a kernel: kept between calls, grown when a call needs more. */
final class Scratch implements AutoCloseable {
  private Arena arena = Arena.ofShared();
  private MemorySegment segment = MemorySegment.NULL;

  /**
   * Memory of at least {@code bytes}, its contents undefined; what was handed out before is void.
   */
  MemorySegment reserve(long bytes) {
    if (segment.byteSize() < bytes) {
      arena.close();
      arena = Arena.ofShared();
      segment = arena.allocate(align(bytes + bytes / 4), Tensor.ALIGNMENT);
    }
    return segment;
  }

  /** {@code bytes} rounded up to whole cache lines. */
  static long align(long bytes) {
    return (bytes + Tensor.ALIGNMENT - 1) & -Tensor.ALIGNMENT;
  }

  @Override
  public void close() {
    arena.close();
  }
}
