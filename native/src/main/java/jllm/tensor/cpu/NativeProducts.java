package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.ffi.kernels.InstructionSet;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.ProductKernel;
import jllm.ffi.kernels.ProductKernel.Precision;
import jllm.tensor.DType;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Which products of several rows the library of native kernels computes, and in what precision.
 * Weights of BF16 and F16 are multiplied in BF16, quantized ones with integers, or in BF16 where a
 * processor has AMX, whose tiles do that faster than they scale integers; the rest in float32.
 */
final class NativeProducts implements AutoCloseable {
  private final @Nullable ProductKernel floats;
  private final @Nullable ProductKernel halves;
  private final @Nullable ProductKernel bytes;

  private final NativeProduct product;
  private final MatrixOperand left = new MatrixOperand();

  /**
   * @param library null for none of them
   */
  NativeProducts(Workers workers, @Nullable KernelLibrary library) {
    product = new NativeProduct(workers);
    floats = find(library, Precision.F32);
    halves = find(library, Precision.BF16);
    bytes = find(library, Precision.INT8);
  }

  private static @Nullable ProductKernel find(
      @Nullable KernelLibrary library, Precision precision) {
    return library == null ? null : ProductKernel.of(library, precision).orElse(null);
  }

  NativeProduct product() {
    return product;
  }

  /** The left operand of {@link #packed}; to be set before a call. */
  MatrixOperand left() {
    return left;
  }

  /**
   * Computes {@code out[targets[n]] = w left[n] + bias} with a packed weight.
   *
   * @param kernel as {@link #forPacked} gave it
   * @param w [O, I], or [E, O, I] of which the one at byte {@code base} is meant
   * @param rows of the left operand
   * @param targets ints from byte {@code targetsAt} on; null: n itself
   */
  void packed(
      ProductKernel kernel,
      Tensor out,
      Tensor w,
      Storage.Packed packed,
      long base,
      int rows,
      @Nullable Tensor bias,
      @Nullable MemorySegment targets,
      long targetsAt) {
    product.left(left);
    product.right((PackedFormat) packed.packing(), packed.segment(), base, w.columns());
    MemorySegment added = bias == null ? null : bias.segment();
    product.run(
        kernel, out.segment(), 0, rows, w.dim(-2), w.columns(), added, targets, targetsAt, false);
  }

  /** The kernel for a packed weight; null if there is none. */
  @Nullable ProductKernel forPacked(DType type) {
    return switch (type) {
      case F32 -> floatsOfTiles();
      case F16, BF16 -> halves != null ? halves : floatsOfTiles();
      default -> halves != null && halves.set() == InstructionSet.AMX ? halves : bytes;
    };
  }

  private @Nullable ProductKernel floatsOfTiles() {
    return floats != null && floats.set() != InstructionSet.AVX2 ? floats : null;
  }

  /**
   * The kernel for plain operands; null if there is none.
   *
   * @param rounded whether they may be rounded to BF16
   */
  @Nullable ProductKernel forPlain(boolean rounded) {
    return rounded && halves != null ? halves : floats;
  }

  @Override
  public void close() {
    product.close();
  }
}
