package jllm.ffi.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Matrix products of one precision: {@code gemm.h}, which describes the operands and {@code struct
 * gemm}.
 */
public record ProductKernel(
    InstructionSet set, MethodHandle plan, MethodHandle pack, MethodHandle multiply) {
  private static final FunctionDescriptor PLAN =
      FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS);
  private static final FunctionDescriptor PACK =
      FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final FunctionDescriptor MULTIPLY =
      FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);

  /** What the operands are multiplied in. */
  public enum Precision {
    F32,
    /** Operands are rounded to BF16. */
    BF16,
    /** The left operand is rounded to integers of 8 bits, the right one holds such. */
    INT8
  }

  /** The kernel of a precision for this processor, if the library has one. */
  public static Optional<ProductKernel> of(KernelLibrary library, Precision precision) {
    String family =
        switch (precision) {
          case F32 -> "jllm_gemm_f32_";
          case BF16 -> "jllm_gemm_bf16_";
          case INT8 -> "jllm_gemm_int8_";
        };
    var plan = library.find(family + "plan", PLAN);
    var pack = library.find(family + "pack", PACK);
    var multiply = library.find(family + "multiply", MULTIPLY);
    if (plan.isEmpty() || pack.isEmpty() || multiply.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new ProductKernel(
            multiply.get().set(),
            plan.get().function(),
            pack.get().function(),
            multiply.get().function()));
  }

  /**
   * How the kernel cuts a product.
   *
   * @param type of the right operand, a number of {@code enum gemm_type}
   * @param plan receives the longs of {@code struct gemm_plan}
   */
  public void plan(long rows, long depth, int type, MemorySegment plan) {
    try {
      this.plan.invokeExact(rows, depth, type, plan);
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }

  /** Packs strips from..to-1 of the left operand of a {@code struct gemm}. */
  public void pack(MemorySegment gemm, long from, long to) {
    try {
      pack.invokeExact(gemm, from, to);
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }

  /**
   * Computes units of columns for strips of rows, whose left operand was packed before.
   *
   * @param scratch of this thread, as large as the plan says
   */
  public void multiply(
      MemorySegment gemm,
      long fromStrip,
      long toStrip,
      long fromUnit,
      long toUnit,
      MemorySegment scratch) {
    try {
      multiply.invokeExact(gemm, fromStrip, toStrip, fromUnit, toUnit, scratch);
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }
}
