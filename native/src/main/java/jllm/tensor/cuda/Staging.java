package jllm.tensor.cuda;

import java.lang.foreign.MemorySegment;
import jllm.ffi.cuda.CudaDriver;

/**
 * The way of host memory to the device. Small pieces (the ids of a step) go through a ring of
 * page-locked memory and are not waited for; large ones (weights) are.
 */
final class Staging {
  private static final long RING_BYTES = 1L << 20;
  private static final long MOST_BYTES = RING_BYTES / 4;
  private static final long ALIGNMENT = 64;

  private final CudaDriver driver;
  private final long stream;
  private final MemorySegment ring;
  private long next;

  /** With the device's context current. */
  Staging(CudaDriver driver, long stream) {
    this.driver = driver;
    this.stream = stream;
    this.ring = driver.allocateHost(RING_BYTES);
  }

  /** The host's memory may be changed when this returns. */
  void upload(long to, MemorySegment from, long bytes) {
    if (bytes > MOST_BYTES) {
      driver.copyToDevice(to, from, bytes, stream);
      driver.synchronize(stream);
      return;
    }
    if (next + bytes > RING_BYTES) {
      driver.synchronize(stream); // The copies that were started have read the ring.
      next = 0;
    }
    MemorySegment piece = ring.asSlice(next, bytes);
    MemorySegment.copy(from, 0, piece, 0, bytes);
    driver.copyToDevice(to, piece, bytes, stream);
    next = (next + bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  void close() {
    driver.freeHost(ring);
  }
}
