package jllm.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import jllm.ffi.PageAllocator;

/** Off-heap memory of the host, in huge pages where the system has them. */
public final class HostMemory implements Memory, SegmentAllocator {
  private final Arena arena;
  private final PageAllocator pages;

  public HostMemory() {
    this(Arena.ofShared());
  }

  /**
   * @param arena owns what is handed out; closed with this memory
   */
  public HostMemory(Arena arena) {
    this.arena = arena;
    this.pages = new PageAllocator(arena);
  }

  /**
   * What a backend on the host takes memory from.
   *
   * @throws IllegalArgumentException if it is memory of another device
   */
  public static SegmentAllocator of(Memory memory) {
    if (memory instanceof HostMemory host) {
      return host;
    }
    throw new IllegalArgumentException("a backend on the host needs host memory, not " + memory);
  }

  @Override
  public Storage reserve(long bytes) {
    return new Storage.Rows(allocate(bytes, Tensor.ALIGNMENT));
  }

  @Override
  public MemorySegment allocate(long bytes, long alignment) {
    return pages.allocate(bytes, alignment);
  }

  @Override
  public void close() {
    arena.close();
  }
}
