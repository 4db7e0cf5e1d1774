package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.ffi.kernels.DecodeKernel;
import jllm.ffi.kernels.KernelLibrary;
import jllm.ffi.kernels.ProductKernel;
import jllm.tensor.DType;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Linear layers. Of packed weights: rows alone go to {@link MatVec}, which reads a weight once and
 * is bound by memory, several to {@link NativeProducts} or {@link Gemm}, which unpack it for all of
 * them and are bound by arithmetic. Weights that are not packed, as in training, go to {@link
 * PlainProducts}.
 */
final class Products implements AutoCloseable {
  /**
   * Rows up to which each has the result that it has alone, to the bit, which sequences that are
   * decoded side by side rely on. Up to about 6 rows that costs nothing; at 16 the kernels for many
   * rows would be faster for weights that are in the cache: on a Zen 4 by 1.5 to 1.7 in C with
   * AVX-512, by 1.1 to 1.6 with AVX2, and with the Vector API by nothing (Q4_0, BF16), 1.3 (Q4_K),
   * 1.8 (Q8_0) to 2.3 (Q6_K).
   */
  private static final int FEW_ROWS = 16;

  private final MatVec matVec;
  private final @Nullable NativeMatVec nativeMatVec;
  private final Gemm gemm;
  private final InputRounding rounding;
  private final ExpertOrder order = new ExpertOrder();
  private final PlainProducts plain;
  private final NativeProducts kernels;

  /**
   * @param plain products with weights that are not packed; not closed here
   * @param kernels for several rows that are used where there are any; not closed here
   * @param library of native kernels, null to do without
   */
  Products(
      Workers workers,
      PlainProducts plain,
      NativeProducts kernels,
      @Nullable KernelLibrary library) {
    this.plain = plain;
    this.kernels = kernels;
    matVec = new MatVec(workers);
    nativeMatVec =
        library == null
            ? null
            : DecodeKernel.of(library)
                .map(kernel -> new NativeMatVec(workers, kernel))
                .orElse(null);
    gemm = new Gemm(workers);
    rounding = new InputRounding(workers);
  }

  /** See {@link jllm.tensor.Backend#linear}. */
  void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    if (!(w.storage() instanceof Storage.Packed packed)) {
      plain.linear(out, x, w, bias);
      return;
    }
    if (x.rows() <= FEW_ROWS) {
      if (nativeMatVec != null) {
        nativeMatVec.linear(out, x, w, packed, bias);
      } else {
        matVec.linear(out, x, w, packed, bias);
      }
      return;
    }
    ProductKernel kernel = kernels.forPacked(w.dtype());
    if (kernel != null) {
      kernels.left().set(x.segment(), 0, DType.F32, x.columns(), true);
      kernels.packed(kernel, out, w, packed, 0, x.rows(), bias, null, 0);
      return;
    }
    gemm.run(
        out.segment(),
        rounded(x, w),
        (PackedFormat) packed.packing(),
        packed.segment(),
        0,
        x.rows(),
        w.dim(0),
        w.columns(),
        bias == null ? null : bias.segment());
  }

  /** See {@link jllm.tensor.Backend#expertLinear}. */
  void experts(Tensor out, Tensor x, Tensor w, Tensor experts) {
    if (!(w.storage() instanceof Storage.Packed packed)) {
      plain.experts(out, x, w, experts);
      return;
    }
    if (experts.rows() <= FEW_ROWS) {
      if (nativeMatVec != null) {
        nativeMatVec.experts(out, x, w, packed, experts);
      } else {
        matVec.experts(out, x, w, packed, experts);
      }
      return;
    }
    PackedFormat format = (PackedFormat) packed.packing();
    ProductKernel kernel = kernels.forPacked(w.dtype());
    MemorySegment rounded = kernel == null ? rounded(x, w) : x.segment();
    int outputs = w.dim(1);
    long matrixBytes = format.bytes(outputs, w.columns());
    order.sort(experts, w.dim(0), out.rows() / x.rows());
    for (int expert = 0; expert < w.dim(0); expert++) {
      int start = order.start(expert);
      int rows = order.start(expert + 1) - start;
      if (rows > 0 && kernel != null) {
        kernels.left().set(rounded, 0, DType.F32, x.columns(), true);
        kernels.left().gather(order.indices(), order.sourceAt(start));
        long base = expert * matrixBytes;
        MemorySegment indices = order.indices();
        long targetsAt = order.targetAt(start);
        kernels.packed(kernel, out, w, packed, base, rows, null, indices, targetsAt);
      } else if (rows > 0) {
        gemm.run(
            out.segment(),
            rounded,
            order.indices(),
            order.sourceAt(start),
            order.targetAt(start),
            format,
            packed.segment(),
            expert * matrixBytes,
            rows,
            outputs,
            w.columns());
      }
    }
  }

  /** What the kernels for few rows see of x: native ones lose less than the product itself. */
  private MemorySegment rounded(Tensor x, Tensor w) {
    return nativeMatVec != null ? x.segment() : rounding.round(x, MatVecKernel.of(w.dtype()));
  }

  @Override
  public void close() {
    matVec.close();
    if (nativeMatVec != null) {
      nativeMatVec.close();
    }
    gemm.close();
    rounding.close();
    order.close();
  }
}
