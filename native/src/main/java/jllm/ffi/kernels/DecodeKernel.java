package jllm.ffi.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Products of packed weights with few rows of activations: {@code decode_family.h}, where shapes
 * and layouts are. A kind is a type of weights, as {@code decode_input.h} counts them.
 */
public record DecodeKernel(
    InstructionSet set, MethodHandle rowBytes, MethodHandle prepare, MethodHandle multiply) {

  /** The kernels for this processor, if the library has them. */
  public static Optional<DecodeKernel> of(KernelLibrary library) {
    var rowBytes =
        library.find(
            "jllm_decode_row_bytes", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG));
    var prepare =
        library.find(
            "jllm_decode_prepare",
            FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS));
    var multiply =
        library.find(
            "jllm_decode",
            FunctionDescriptor.ofVoid(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS,
                JAVA_LONG, JAVA_LONG));
    if (rowBytes.isEmpty() || prepare.isEmpty() || multiply.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new DecodeKernel(
            multiply.get().set(),
            rowBytes.get().function(),
            prepare.get().function(),
            multiply.get().function()));
  }

  /** Bytes that a row of activations takes once it is prepared. */
  public long rowBytes(int kind, long columns) {
    try {
      return (long) rowBytes.invokeExact(kind, columns);
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }

  /**
   * Prepares the rows x [count, columns].
   *
   * @param out aligned to 64 bytes
   */
  public void prepare(int kind, MemorySegment x, long count, long columns, MemorySegment out) {
    try {
      prepare.invokeExact(kind, x, count, columns, out);
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }

  /**
   * Writes the products of the tiles from..to-1 of a weight [outputs, columns].
   *
   * @param inputs prepared rows
   * @param out [rows, outputs]
   * @param bias [outputs], or {@link MemorySegment#NULL}
   */
  public void multiply(
      int kind,
      MemorySegment weight,
      long outputs,
      long columns,
      MemorySegment inputs,
      long rows,
      MemorySegment out,
      MemorySegment bias,
      long from,
      long to) {
    try {
      multiply.invokeExact(kind, weight, outputs, columns, inputs, rows, out, bias, from, to);
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }
}
