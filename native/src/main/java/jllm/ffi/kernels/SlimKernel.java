package jllm.ffi.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** Products in float32 with a small dimension: {@code slim.h}. */
public record SlimKernel(InstructionSet set, MethodHandle slim) {
  private static final FunctionDescriptor TYPE =
      FunctionDescriptor.ofVoid(
          ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG,
          JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT);

  /** The kernel for this processor, if the library has one. */
  public static Optional<SlimKernel> of(KernelLibrary library) {
    return library
        .find("jllm_slim", TYPE)
        .map(found -> new SlimKernel(found.set(), found.function()));
  }

  /**
   * Computes {@code c[m, j] (+)= sum over k of a[m, k] b[k, j]} for some rows and columns of c.
   *
   * @param aRow floats between {@code a[m, k]} and {@code a[m + 1, k]}
   * @param aStep floats between {@code a[m, k]} and {@code a[m, k + 1]}
   * @param b row-major [depth, columns]
   * @param c row-major [rows, columns]
   * @param add whether to what is in c
   */
  public void run(
      MemorySegment a,
      long aRow,
      long aStep,
      MemorySegment b,
      MemorySegment c,
      long columns,
      long depth,
      long row,
      long endRow,
      long column,
      long endColumn,
      boolean add) {
    try {
      slim.invokeExact(
          a, aRow, aStep, b, c, columns, depth, row, endRow, column, endColumn, add ? 1 : 0);
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }
}
