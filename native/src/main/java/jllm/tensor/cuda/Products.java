package jllm.tensor.cuda;

import static jllm.tensor.cuda.Gpu.address;

import jllm.ffi.cuda.CublasLt;
import jllm.ffi.cuda.CublasLt.Precision;
import jllm.ffi.cuda.CublasLt.Type;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Products with weights. Few rows: kernels that read each weight once, as it is stored. Many: the
 * vendor's matrix product, for which weights that are not F32 are decoded in tiles.
 *
 * <p>cuBLASLt has column-major matrices: a row-major [rows, columns] is its [columns, rows].
 */
final class Products {
  /** Rows of x that the kernels for few rows take. */
  private static final int FEW_ROWS = 8;

  private static final int ROWS_AT_ONCE = 4;
  private static final int THREADS = 128;
  private static final int OUTPUTS = 2;
  private static final int INPUTS = 1024;
  private static final int WEIGHT_TILE = 32;

  /** Bytes of weights that are decoded at once. */
  private static final long TILE_BYTES = 128L << 20;

  /** Rows of a tile are a multiple of it, so that columns of results begin at a cache line. */
  private static final int TILE_ROWS = 64;

  /** What the second dimension of a grid can have; these kernels walk on from there. */
  private static final int MOST_GRID_ROWS = 65_535;

  private static final int MOST_ALIGNMENT = 256;

  private final Gpu gpu;
  private final Precision precision;

  Products(Gpu gpu, Precision precision) {
    this.gpu = gpu;
    this.precision = precision;
  }

  /** out [N, O] = x [N, I] w^T + bias, w [O, I]. */
  void linear(Tensor out, Tensor x, Tensor w, @Nullable Tensor bias) {
    int rows = x.rows();
    int inputs = x.columns();
    int outputs = w.dim(0);
    if (rows <= FEW_ROWS) {
      boolean single = rows == 1;
      gpu.kernel(KernelSource.MATVEC, single ? "matvec" : "matvec4", w.dtype())
          .tensors(out, x, w, bias)
          .ints(rows, inputs, outputs)
          .start(ceil(outputs, OUTPUTS), single ? 1 : ceil(rows, ROWS_AT_ONCE), 1, THREADS);
      return;
    }
    multiplyRows(out, x, w, 0);
    if (bias != null) {
      gpu.kernel(KernelSource.ELEMENTWISE, "add_bias")
          .tensors(out, bias)
          .longs(rows)
          .ints(outputs)
          .over((long) rows * outputs);
    }
  }

  /** out [N, O] += x [N, I] w^T. */
  void addLinear(Tensor out, Tensor x, Tensor w) {
    multiplyRows(out, x, w, 1);
  }

  /** out [N, O] = x [N, I] w^T + beta out. */
  private void multiplyRows(Tensor out, Tensor x, Tensor w, float beta) {
    int inputs = x.columns();
    int outputs = w.dim(0);
    tiles(
        w,
        (tile, from, count) ->
            multiply(
                tile,
                true,
                inputs,
                address(x),
                false,
                inputs,
                address(out) + (long) from * Float.BYTES,
                outputs,
                count,
                x.rows(),
                inputs,
                beta));
  }

  /** dx [N, I] += dout [N, O] w. */
  void inputGradient(Tensor dx, Tensor dout, Tensor w) {
    int rows = dx.rows();
    int inputs = dx.columns();
    int outputs = w.dim(0);
    tiles(
        w,
        (tile, from, count) ->
            multiply(
                tile,
                false,
                inputs,
                address(dout) + (long) from * Float.BYTES,
                false,
                outputs,
                address(dx),
                inputs,
                inputs,
                rows,
                count,
                1));
  }

  /** dw [O, I] += dout^T x. */
  void weightGradient(Tensor dw, Tensor dout, Tensor x) {
    int inputs = x.columns();
    int outputs = dout.columns();
    multiply(
        address(x),
        false,
        inputs,
        address(dout),
        true,
        outputs,
        address(dw),
        inputs,
        inputs,
        outputs,
        x.rows(),
        1);
  }

  private interface Tile {
    /**
     * @param weights address of F32 [count, I]
     * @param from first row of the tile
     */
    void use(long weights, int from, int count);
  }

  private void tiles(Tensor w, Tile use) {
    int outputs = w.dim(0);
    int inputs = w.columns();
    if (w.dtype() == DType.F32) {
      use.use(address(w), 0, outputs);
      return;
    }
    long rowBytes = w.dtype().bytes(inputs);
    long fitting = TILE_BYTES / ((long) inputs * Float.BYTES) / TILE_ROWS * TILE_ROWS;
    int step = (int) Math.min(outputs, Math.max(TILE_ROWS, fitting));
    try (Scratch scratch = new Scratch(gpu)) {
      long tile = scratch.floats((long) step * inputs);
      for (int from = 0; from < outputs; from += step) {
        int count = Math.min(step, outputs - from);
        long elements = (long) count * inputs;
        gpu.kernel(KernelSource.WEIGHTS, "dequantize", w.dtype())
            .longs(tile, address(w) + from * rowBytes)
            .eachOf(elements);
        use.use(tile, from, count);
      }
    }
  }

  /** d [m, n] = op(a) [m, k] op(b) [k, n] + beta d, column-major. */
  private void multiply(
      long a,
      boolean transposeA,
      long lda,
      long b,
      boolean transposeB,
      long ldb,
      long d,
      long ldd,
      long m,
      long n,
      long k,
      float beta) {
    gpu.multiply(
        new CublasLt.Product(
            transposeA,
            transposeB,
            m,
            n,
            k,
            lda,
            ldb,
            ldd,
            Type.F32,
            Type.F32,
            precision,
            beta,
            alignment(a, b, d)),
        a,
        b,
        d);
  }

  /** out [N, O] = x [N, I] w^T, x and w both F32 or both BF16. */
  void plain(Tensor out, Tensor x, Tensor w, Precision with) {
    Type type = x.dtype() == DType.BF16 ? Type.BF16 : Type.F32;
    int inputs = x.columns();
    int outputs = w.dim(0);
    CublasLt.Product product =
        new CublasLt.Product(
            true,
            false,
            outputs,
            x.rows(),
            inputs,
            inputs,
            inputs,
            outputs,
            type,
            Type.F32,
            with,
            0,
            alignment(address(w), address(x), address(out)));
    gpu.multiply(product, address(w), address(x), address(out));
  }

  private static int alignment(long a, long b, long d) {
    return (int) Long.lowestOneBit(a | b | d | MOST_ALIGNMENT);
  }

  /** out [N*U, O], w [E, O, I], experts I32 [N, U]; x [N, I] or [N*U, I]. */
  void experts(Tensor out, Tensor x, Tensor w, Tensor experts) {
    try (Scratch scratch = new Scratch(gpu)) {
      int rows = out.rows();
      gpu.kernel(KernelSource.MATVEC, "expert_linear", w.dtype())
          .tensors(out, x, w)
          .longs(scratch.ids(experts))
          .ints(rows, rows / x.rows(), x.columns(), w.dim(1))
          .start(ceil(w.dim(1), OUTPUTS), Math.min(rows, MOST_GRID_ROWS), 1, THREADS);
    }
  }

  void expertInputGradient(Tensor dx, Tensor dout, Tensor w, Tensor experts) {
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.MATVEC, "expert_input", w.dtype())
          .tensors(dx, dout, w)
          .longs(scratch.ids(experts))
          .ints(dx.rows(), dout.rows() / dx.rows(), dx.columns(), w.dim(1))
          .start(ceil(dx.columns(), INPUTS), Math.min(dx.rows(), MOST_GRID_ROWS), 1, THREADS);
    }
  }

  void expertWeightGradient(Tensor dw, Tensor dout, Tensor x, Tensor experts) {
    try (Scratch scratch = new Scratch(gpu)) {
      gpu.kernel(KernelSource.EXPERTS, "expert_weight")
          .tensors(dw, dout, x)
          .longs(scratch.ids(experts))
          .ints(dout.rows(), dout.rows() / x.rows(), x.columns(), dw.dim(1), dw.dim(0))
          .start(ceil(x.columns(), WEIGHT_TILE), ceil(dw.dim(1), WEIGHT_TILE), dw.dim(0), 256);
    }
  }

  static int ceil(int value, int unit) {
    return Math.ceilDiv(value, unit);
  }
}
