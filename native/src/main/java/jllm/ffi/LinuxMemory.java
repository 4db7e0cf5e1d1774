package jllm.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The memory calls of the C library on Linux; the constants are those of its 64-bit platforms. */
record LinuxMemory(MethodHandle mmap, MethodHandle munmap, MethodHandle madvise) {
  private static final int PROT_READ_WRITE = 1 | 2;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x02 | 0x20;
  private static final int MADV_HUGEPAGE = 14;
  private static final long MAP_FAILED = -1;

  static LinuxMemory open() {
    Linker linker = Linker.nativeLinker();
    return new LinuxMemory(
        bind(
            linker,
            "mmap",
            FunctionDescriptor.of(
                ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG)),
        bind(linker, "munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG)),
        bind(linker, "madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)));
  }

  private static MethodHandle bind(Linker linker, String name, FunctionDescriptor type) {
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
  }

  /**
   * Zeroed pages of the process's own, huge where the system grants it.
   *
   * @throws OutOfMemoryError if the system has no such range of addresses
   */
  MemorySegment map(long bytes) {
    MemorySegment pages =
        (MemorySegment)
            call(() ->
                (MemorySegment)
                    mmap.invokeExact(
                        MemorySegment.NULL, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L));
    if (pages.address() == MAP_FAILED) {
      throw new OutOfMemoryError("the system refused " + (bytes >> 20) + " MiB of memory");
    }
    // Advice only: a kernel without huge pages refuses it and gives small ones.
    call(() -> (int) madvise.invokeExact(pages, bytes, MADV_HUGEPAGE));
    return pages;
  }

  void unmap(MemorySegment pages, long bytes) {
    call(() -> (int) munmap.invokeExact(pages, bytes));
  }

  private interface Call {
    Object run() throws Throwable;
  }

  private static Object call(Call call) {
    try {
      return call.run();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e); // A call into C declares no checked exception.
    }
  }
}
