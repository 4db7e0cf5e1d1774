package jllm.ffi.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** Packing of weights into tiles of 16 rows: {@code pack_avx2.c}. */
public record PackKernel(InstructionSet set, MethodHandle pack) {
  private static final FunctionDescriptor TYPE =
      FunctionDescriptor.ofVoid(
          ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);

  /** The kernel for this processor, if the library has one. */
  public static Optional<PackKernel> of(KernelLibrary library) {
    return library
        .find("jllm_pack", TYPE)
        .map(found -> new PackKernel(found.set(), found.function()));
  }

  /**
   * Packs some tiles of a weight [rows, blocks].
   *
   * @param layout how a block is packed, ints in the order of {@code struct layout}
   * @param source memory that begins with the weight
   * @param from first tile
   * @param to end of the tiles
   * @param target memory that begins with tile 0
   */
  public void run(
      MemorySegment layout,
      MemorySegment source,
      long rows,
      long blocks,
      long from,
      long to,
      MemorySegment target) {
    try {
      pack.invokeExact(layout, source, rows, blocks, from, to, target);
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }
}
