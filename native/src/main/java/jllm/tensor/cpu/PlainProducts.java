package jllm.tensor.cpu;

import java.lang.foreign.MemorySegment;
import jllm.ffi.kernels.KernelLibrary;
import jllm.tensor.DType;
import jllm.tensor.Storage;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Linear layers in training: their products with weights that change each step, and are therefore
 * row-major and not packed, and the two products of their derivatives. The rows of one expert form
 * one product.
 */
final class PlainProducts implements AutoCloseable {
  private final MatrixProduct product;
  private final PlainRow row;
  private final Unpacker unpacker;
  private final ExpertOrder order = new ExpertOrder();
  private final SlimProduct slim;
  private final Scratch turned = new Scratch();

  /**
   * @param kernels that are used where there are any; not closed here
   * @param library of native kernels, null to do without
   */
  PlainProducts(Workers workers, NativeProducts kernels, @Nullable KernelLibrary library) {
    product = new MatrixProduct(workers, kernels);
    unpacker = new Unpacker(workers);
    row = new PlainRow(workers);
    slim = new SlimProduct(workers, library);
  }

  /** {@code out = x w^T + bias}; see {@link jllm.tensor.Backend#linear}. */
  void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    if (PlainRow.fits(x, w)) {
      row.linear(out, x, w, bias);
      return;
    }
    if (bias == null && isSlim(w) && SlimProduct.fits(x.rows(), w.dim(0), w.columns())) {
      slim(out, x, w, false);
      return;
    }
    product.left().set(x.segment(), 0, DType.F32, x.columns(), true);
    product.right().set(w.segment(), 0, w.dtype(), w.columns(), true);
    MemorySegment added = bias == null ? null : bias.segment();
    product.assign(out.segment(), 0, x.rows(), w.dim(0), w.columns(), added);
  }

  private static boolean isSlim(Tensor w) {
    return w.dtype() == DType.F32 && Math.min(w.dim(0), w.columns()) <= SlimProduct.MOST;
  }

  private void slim(Tensor out, Tensor x, Tensor w, boolean add) {
    int outputs = w.dim(0);
    int inputs = w.columns();
    MemorySegment columns = turned.reserve(4L * outputs * inputs);
    TransposeLoops.transpose(
        w.segment(), 0, 4L * inputs, columns, 0, 4L * outputs, outputs, inputs);
    slim.run(x.segment(), 4L * inputs, 4, columns, out.segment(), x.rows(), outputs, inputs, add);
  }

  /** {@code out += x w^T}. */
  void addLinear(Tensor out, Tensor x, Tensor w) {
    if (isSlim(w) && SlimProduct.fits(x.rows(), w.dim(0), w.columns())) {
      slim(out, x, w, true);
      return;
    }
    product.left().set(x.segment(), 0, DType.F32, x.columns(), true);
    product.right().set(w.segment(), 0, w.dtype(), w.columns(), true);
    product.add(out.segment(), 0, x.rows(), w.dim(0), w.columns(), false);
  }

  /** See {@link jllm.tensor.Backend#expertLinear}. */
  void experts(Tensor out, Tensor x, Tensor w, Tensor experts) {
    int outputs = w.dim(1);
    order.sort(experts, w.dim(0), out.rows() / x.rows());
    for (int expert = 0; expert < w.dim(0); expert++) {
      int start = order.start(expert);
      product.left().set(x.segment(), 0, DType.F32, x.columns(), true);
      product.left().gather(order.indices(), order.sourceAt(start));
      product.right().set(w.segment(), matrixAt(w, expert), w.dtype(), w.columns(), true);
      product.scatter(
          out.segment(),
          order.indices(),
          order.targetAt(start),
          false,
          order.start(expert + 1) - start,
          outputs,
          w.columns(),
          false);
    }
  }

  private static long matrixAt(Tensor w, int expert) {
    return expert * w.dtype().bytes(w.columns()) * w.dim(1);
  }

  /** Whether the products of a layer may round to BF16: its weight is no more precise. */
  private static boolean rounded(DType weight) {
    return weight != DType.F32;
  }

  /** {@code dx += dout w}. */
  void input(Tensor dx, Tensor dout, Tensor w) {
    if (w.storage() instanceof Storage.Packed packed) {
      PackedFormat format = (PackedFormat) packed.packing();
      int outputs = w.dim(0);
      for (int from = 0; from < outputs; from += Unpacker.ROWS) {
        int rows = Math.min(Unpacker.ROWS, outputs - from);
        MemorySegment plain =
            unpacker.rows(format, packed.segment(), 0, outputs, w.columns(), from, rows);
        product.left().set(dout.segment(), 4L * from, DType.F32, outputs, true);
        product.right().set(plain, 0, DType.F32, w.columns(), false);
        product.add(dx.segment(), 0, dout.rows(), w.columns(), rows, rounded(w.dtype()));
      }
      return;
    }
    int depth = dout.columns();
    if (isSlim(w) && SlimProduct.fits(dout.rows(), w.columns(), depth)) {
      slim.run(
          dout.segment(),
          4L * depth,
          4,
          w.segment(),
          dx.segment(),
          dout.rows(),
          w.columns(),
          depth,
          true);
      return;
    }
    product.left().set(dout.segment(), 0, DType.F32, depth, true);
    product.right().set(w.segment(), 0, w.dtype(), w.columns(), false);
    product.add(dx.segment(), 0, dout.rows(), w.columns(), depth, rounded(w.dtype()));
  }

  /** {@code dw += dout^T x}. */
  void weight(Tensor dw, Tensor dout, Tensor x, DType type) {
    if (isSlim(dw)
        && dw.columns() < dw.dim(0)
        && SlimProduct.fits(dw.columns(), dw.dim(0), x.rows())) {
      int outputs = dw.dim(0);
      int inputs = dw.columns();
      MemorySegment columns = turned.reserve(8L * outputs * inputs);
      TransposeLoops.transpose(
          dw.segment(), 0, 4L * inputs, columns, 0, 4L * outputs, outputs, inputs);
      slim.run(
          x.segment(), 4, 4L * inputs, dout.segment(), columns, inputs, outputs, x.rows(), true);
      TransposeLoops.transpose(
          columns, 0, 4L * outputs, dw.segment(), 0, 4L * inputs, inputs, outputs);
      return;
    }
    if (isSlim(dw) && SlimProduct.fits(dw.dim(0), dw.columns(), x.rows())) {
      slim.run(
          dout.segment(),
          4,
          4L * dout.columns(),
          x.segment(),
          dw.segment(),
          dw.dim(0),
          dw.columns(),
          x.rows(),
          true);
      return;
    }
    product.left().set(dout.segment(), 0, DType.F32, dout.columns(), false);
    product.right().set(x.segment(), 0, DType.F32, x.columns(), false);
    product.add(dw.segment(), 0, dout.columns(), x.columns(), x.rows(), rounded(type));
  }

  /** {@code dx[r] += dout[i] w[experts[i]]}. */
  void expertsInput(Tensor dx, Tensor dout, Tensor w, Tensor experts) {
    order.sort(experts, w.dim(0), dout.rows() / dx.rows());
    for (int expert = 0; expert < w.dim(0); expert++) {
      int start = order.start(expert);
      int rows = order.start(expert + 1) - start;
      if (rows == 0) {
        continue;
      }
      if (w.storage() instanceof Storage.Packed packed) {
        packedExpertInput(dx, dout, w, packed, expert, start, rows);
        continue;
      }
      product.left().set(dout.segment(), 0, DType.F32, dout.columns(), true);
      product.left().gather(order.indices(), order.targetAt(start));
      product.right().set(w.segment(), matrixAt(w, expert), w.dtype(), w.columns(), false);
      addToInput(dx, start, rows, w, dout.columns());
    }
  }

  private void addToInput(Tensor dx, int start, int rows, Tensor w, int depth) {
    product.scatter(
        dx.segment(),
        order.indices(),
        order.sourceAt(start),
        true,
        rows,
        w.columns(),
        depth,
        rounded(w.dtype()));
  }

  private void packedExpertInput(
      Tensor dx, Tensor dout, Tensor w, Storage.Packed packed, int expert, int start, int rows) {
    PackedFormat format = (PackedFormat) packed.packing();
    int outputs = w.dim(1);
    long base = expert * format.bytes(outputs, w.columns());
    for (int from = 0; from < outputs; from += Unpacker.ROWS) {
      int depth = Math.min(Unpacker.ROWS, outputs - from);
      MemorySegment plain =
          unpacker.rows(format, packed.segment(), base, outputs, w.columns(), from, depth);
      product.left().set(dout.segment(), 4L * from, DType.F32, outputs, true);
      product.left().gather(order.indices(), order.targetAt(start));
      product.right().set(plain, 0, DType.F32, w.columns(), false);
      addToInput(dx, start, rows, w, depth);
    }
  }

  /** {@code dw[experts[i]] += dout[i]^T x[r]}. */
  void expertsWeight(Tensor dw, Tensor dout, Tensor x, Tensor experts, DType type) {
    order.sort(experts, dw.dim(0), dout.rows() / x.rows());
    for (int expert = 0; expert < dw.dim(0); expert++) {
      int start = order.start(expert);
      int rows = order.start(expert + 1) - start;
      if (rows == 0) {
        continue;
      }
      product.left().set(dout.segment(), 0, DType.F32, dout.columns(), false);
      product.left().gather(order.indices(), order.targetAt(start));
      product.right().set(x.segment(), 0, DType.F32, x.columns(), false);
      product.right().gather(order.indices(), order.sourceAt(start));
      product.add(
          dw.segment(), matrixAt(dw, expert), dout.columns(), x.columns(), rows, rounded(type));
    }
  }

  @Override
  public void close() {
    product.close();
    turned.close();
    unpacker.close();
    order.close();
  }
}
