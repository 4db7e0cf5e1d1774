package jllm.ffi;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Hands out off-heap memory in pieces of large chunks that the system backs with huge pages.
 * Reading weights is bound by memory, and with 4 KiB pages a good part of the time goes into
 * address translation: a third of the bandwidth on the machines we measured. The chunks are zeroed
 * by the system when they are first touched, so room that is never used (the end of a key/value
 * cache) costs nothing.
 *
 * <p>On systems other than Linux the arena's own allocation serves. One thread at a time.
 */
public final class PageAllocator implements SegmentAllocator {
  private static final Logger LOG = System.getLogger(PageAllocator.class.getName());

  /** The huge page size of x86-64, and of Arm with 4 KiB base pages. */
  private static final long HUGE = 2L << 20;

  private static final long CHUNK = 64L << 20;
  private static final @Nullable LinuxMemory SYSTEM = openSystem();

  private final Arena arena;
  private MemorySegment chunk = MemorySegment.NULL;
  private long used;

  /** All that is handed out belongs to {@code arena}, and goes when it is closed. */
  public PageAllocator(Arena arena) {
    this.arena = arena;
  }

  private static @Nullable LinuxMemory openSystem() {
    String os = System.getProperty("os.name");
    if (!os.equals("Linux")) {
      LOG.log(Level.DEBUG, "no huge pages: they are asked for on Linux only, this is {0}", os);
      return null;
    }
    try {
      return LinuxMemory.open();
    } catch (RuntimeException | LinkageError e) {
      LOG.log(Level.DEBUG, "no huge pages: {0}", e.toString());
      return null;
    }
  }

  /**
   * Zeroed memory.
   *
   * @throws OutOfMemoryError if there is none
   */
  @Override
  public MemorySegment allocate(long bytes, long alignment) {
    LinuxMemory system = SYSTEM;
    if (system == null || alignment > HUGE) {
      return arena.allocate(bytes, alignment);
    }
    long from = align(used, alignment);
    if (from + bytes > chunk.byteSize()) {
      chunk = map(system, align(Math.max(bytes, CHUNK), HUGE));
      from = 0;
    }
    used = from + bytes;
    return chunk.asSlice(from, bytes);
  }

  /** New pages that start at a huge page's border; mapping one more makes room for that. */
  private MemorySegment map(LinuxMemory system, long bytes) {
    long mapped = bytes + HUGE;
    MemorySegment pages = system.map(mapped);
    MemorySegment owned = pages.reinterpret(mapped, arena, gone -> system.unmap(gone, mapped));
    long start = align(owned.address(), HUGE) - owned.address();
    return owned.asSlice(start, bytes);
  }

  private static long align(long value, long alignment) {
    return (value + alignment - 1) & -alignment;
  }
}
